"""Trees and proofs of RFC 6962."""

import random

import pytest

from orchestration.core.merkle import (
    EMPTY_ROOT,
    Frontier,
    Selection,
    consistency_proof,
    inclusion_proof,
    root_of,
    verify_consistency,
    verify_inclusion,
    verify_selection,
)

# The leaves and roots that implementations of RFC 6962 are compared with.
LEAVES = [
    bytes.fromhex(one)
    for one in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = range(1, 34)


def leaves_of(size: int) -> list[bytes]:
    return [number.to_bytes(2) for number in range(size)]


def chosen_proof(leaves, chosen):
    selection, proof = Selection(), {}
    for index, leaf in enumerate(leaves):
        proof.update(selection.add(leaf, is_selected=index in chosen))
    proof.update(selection.finish())
    return selection.root(), proof


def test_roots_are_those_of_the_standard():
    assert [root_of(LEAVES[:size]).hex() for size in range(1, 9)] == ROOTS
    assert root_of([]) == EMPTY_ROOT


@pytest.mark.parametrize("size", SIZES)
def test_a_tree_goes_on_growing_from_its_peaks(size):
    frontier = Frontier()
    for leaf in leaves_of(size):
        frontier = Frontier(frontier.size, list(frontier.peaks))
        frontier.add(leaf)
    assert frontier.root() == root_of(leaves_of(size))
    assert len(frontier.peaks) == size.bit_count()


@pytest.mark.parametrize("size", SIZES)
def test_inclusion_is_proved_and_forgeries_are_rejected(size):
    """D9: another leaf, place, size, root, or a changed, cut or longer proof."""
    leaves = leaves_of(size)
    root = root_of(leaves)
    for index, leaf in enumerate(leaves):
        proof = inclusion_proof(leaves, index)
        assert verify_inclusion(leaf, index, size, proof, root)
        assert not verify_inclusion(b"other", index, size, proof, root)
        assert not verify_inclusion(leaf, index, size, proof, bytes(32))
        assert not verify_inclusion(leaf, index, size, (*proof, bytes(32)), root)
        assert not verify_inclusion(leaf, -1, size, proof, root)
        assert not verify_inclusion(leaf, size, size, proof, root)
        assert not any(
            verify_inclusion(leaf, other, size, proof, root)
            for other in range(size)
            if other != index
        )
        for step in range(len(proof)):
            assert not verify_inclusion(
                leaf, index, size, (*proof[:step], bytes(32), *proof[step + 1 :]), root
            )
            assert not verify_inclusion(leaf, index, size, proof[:step], root)


@pytest.mark.parametrize("size", SIZES)
def test_consistency_is_proved_and_forgeries_are_rejected(size):
    """D9: a history that was rewritten is not a continuation."""
    leaves = leaves_of(size)
    root = root_of(leaves)
    for old in range(size + 1):
        proof, old_root = consistency_proof(leaves, old), root_of(leaves[:old])
        assert verify_consistency(old, old_root, size, root, proof)
        assert not verify_consistency(old, bytes(32), size, root, proof)
        assert not verify_consistency(old, old_root, size, root, (*proof, bytes(32)))
        if old > 0:
            assert not verify_consistency(old, old_root, size, bytes(32), proof)
            rewritten = root_of([b"other", *leaves[1:]])
            assert not verify_consistency(old, old_root, size, rewritten, proof)
        for step in range(len(proof)):
            assert not verify_consistency(old, old_root, size, root, proof[:step])
            assert not verify_consistency(
                old, old_root, size, root, (*proof[:step], bytes(32), *proof[step + 1 :])
            )


def test_a_selection_is_proved_and_forgeries_are_rejected():
    """D9: nothing selected can be changed, left out, added or moved."""
    chance = random.Random(7)
    for size in SIZES:
        leaves = leaves_of(size)
        for _ in range(8):
            chosen = {index for index in range(size) if chance.random() < chance.random()}
            root, proof = chosen_proof(leaves, chosen)
            selected = [(index, leaves[index]) for index in sorted(chosen)]
            assert root == root_of(leaves)
            assert verify_selection(selected, size, proof, root)
            assert not verify_selection(selected, size, proof, bytes(32))
            assert not verify_selection([*selected, (size, b"more")], size, proof, root)
            assert not verify_selection(selected, size, {**proof, (9, 9): bytes(32)}, root)
            for at, (index, leaf) in enumerate(selected):
                without = selected[:at] + selected[at + 1 :]
                assert not verify_selection(without, size, proof, root)
                other = [*selected[:at], (index, leaf + b"x"), *selected[at + 1 :]]
                assert not verify_selection(other, size, proof, root)
            for position in proof:
                less = {one: node for one, node in proof.items() if one != position}
                assert not verify_selection(selected, size, less, root)


def test_a_proof_of_everything_is_empty():
    assert chosen_proof(leaves_of(21), set(range(21)))[1] == {}
