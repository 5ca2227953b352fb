"""Folder of a host's figures: by what its processor says of itself."""

import pytest

from tools.host_folder import WORDS, folder_of


def cpuinfo(vendor, family, model):
    facts = f"vendor_id\t: {vendor}\ncpu family\t: {family}\nmodel\t\t: {model}\n"
    one = f"processor\t: 0\n{facts}model name\t: AMD EPYC\n\n"
    return one + one.replace("processor\t: 0", "processor\t: 1")


@pytest.mark.parametrize(
    ("family", "model", "folder"),
    [
        (25, 0x01, "amd-zen3"),  # Milan
        (25, 0x11, "amd-zen4"),  # Genoa
        (25, 0x61, "amd-zen4"),  # Raphael
        (25, 0xA0, "amd-zen4"),  # Bergamo
        (26, 0x02, "amd-zen5"),  # Turin
    ],
)
def test_generations_of_one_name_have_folders_of_their_own(family, model, folder):
    """Figures of a Zen 5 had stood among those of a Zen 4, as both are called AMD EPYC."""
    assert folder_of(cpuinfo("AuthenticAMD", family, model)) == folder
    assert folder in WORDS


def test_others_are_told_by_their_maker_or_refused():
    assert folder_of(cpuinfo("GenuineIntel", 6, 143)) == "intel-xeon"
    with pytest.raises(ValueError, match="no folder for a processor of AuthenticAMD, family 23"):
        folder_of(cpuinfo("AuthenticAMD", 23, 49))
    with pytest.raises(ValueError, match="GenuineIntel, family 6, model 85"):  # 1 MiB of L2
        folder_of(cpuinfo("GenuineIntel", 6, 85))
    with pytest.raises(ValueError, match="no folder for a processor of None"):
        folder_of("")
