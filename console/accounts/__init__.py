"""Who a person is: accounts, passwords, sessions, sign-in by an identity provider."""
