"""What goes wrong with a channel.

What belongs here: the one error of sending. Only the package and what imports it use this.
"""


class ChannelFailed(Exception):
    """A channel did not take a message, or nobody knows; the text never holds an address."""
