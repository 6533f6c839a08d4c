"""Collect sounds under free licences from Debian's packages, to pre-train a model that has heard none of the usual evaluation data.

    python bench/free_corpus.py FOLDER
    hear-ssl pretrain byol-a FOLDER/audio --out mine --version 2 --width 512

needs a Debian system (`apt-get download`, `dpkg-deb`) and 3 GB while it runs. Prompts of telephone systems in five languages, Chinese syllables, sounds of games (animals,
weather, tools, steps, voices in old languages), instruments and music: about nine hours. Only what its package's copyright file puts
under CC0, CC BY or CC BY-SA is taken, so that weights made of it may be shared under CC BY-SA 4.0. FOLDER/sounds.csv says of each
file its package, version, licence and SHA-256. What is there already is not fetched again.
"""

import argparse
import csv
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

SUFFIXES = (".wav", ".ogg", ".flac")
COPYRIGHT = "copyright"
APT, DPKG = shutil.which("apt-get") or "", shutil.which("dpkg-deb") or ""


class Source(NamedTuple):
    """A package, the licence that its copyright file gives its sounds, and which of its files: a glob; an archive inside it."""

    package: str
    licence: str
    files: str = "**/*"
    archive: str = ""


SOURCES = (
    Source("asterisk-core-sounds-en-wav", "CC BY-SA 3.0"),
    Source("asterisk-core-sounds-es-wav", "CC BY-SA 3.0"),
    Source("asterisk-core-sounds-fr-wav", "CC BY-SA 3.0"),
    Source("asterisk-core-sounds-it-wav", "CC BY 3.0"),
    Source("asterisk-core-sounds-ru-wav", "CC BY 3.0"),
    Source("asterisk-prompt-it-menardi-wav", "CC BY-SA 3.0 IT"),
    Source("asterisk-moh-opsound-wav", "CC BY-SA 3.0"),
    Source("sonic-pi-samples", "CC0 1.0"),
    Source("gcin-voice", "CC BY 3.0", "**/5.ogg"),  # the voice of 3.ogg is under GPL-3 or LGPL-3
    Source("megaglest-data", "CC BY-SA 3.0"),
    Source("unknown-horizons", "CC BY-SA 3.0"),
    Source("0ad-data", "CC BY-SA 3.0", "audio/**/*.ogg", "usr/share/games/0ad/mods/public/public.zip"),
    Source("minetest-data", "CC BY-SA 3.0, a few CC BY 3.0 or CC0 1.0"),
)


def main() -> int:
    """Fetch every package whose sounds are not there, then write the list of all; 1 if one could not be had."""
    parser = argparse.ArgumentParser(description="Collect sounds under free licences from Debian's packages.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    if not (APT and DPKG):
        parser.error("apt-get and dpkg-deb are needed, and one is not here")
    rows, missing = [], []
    for source in SOURCES:
        place = folder / "audio" / source.package
        if not place.is_dir() and not _fetch(source, place):
            missing.append(source.package)
            continue
        rows += _rows(source, place, folder)
        print(f"{source.package}: {sum(row['package'] == source.package for row in rows)} files, {source.licence}")
    with (folder / "sounds.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["path", "package", "version", "licence", "sha256"])
        writer.writeheader()
        writer.writerows(rows)
    if missing:
        print(f"could not be fetched: {', '.join(missing)}; the next call tries again", file=sys.stderr)
    return 1 if missing else 0


def _fetch(source: Source, place: Path) -> bool:
    """Whether the sounds of a package, with its copyright file and version beside them, are now in a folder."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent.parent) as scratch:
        got = subprocess.run([APT, "download", source.package], cwd=scratch, capture_output=True, check=False)
        packages = list(Path(scratch).glob("*.deb"))
        if got.returncode or len(packages) != 1:
            return False
        unpacked, kept = Path(scratch, "unpacked"), Path(scratch, "kept")
        subprocess.run([DPKG, "--extract", packages[0], unpacked], check=True)
        version = subprocess.run([DPKG, "--field", packages[0], "Version"], check=True, capture_output=True)
        sounds = unpacked
        if source.archive:
            sounds = Path(scratch, "archive")
            with zipfile.ZipFile(unpacked / source.archive) as archive:
                for name in archive.namelist():
                    if name.lower().endswith(SUFFIXES):
                        archive.extract(name, sounds)  # which keeps names inside the folder
        for path in sorted(sounds.glob(source.files)):
            if path.suffix.lower() in SUFFIXES and path.is_file() and not path.is_symlink():
                target = kept / path.relative_to(sounds)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(path, target)
        shutil.copy(unpacked / "usr/share/doc" / source.package / COPYRIGHT, kept / COPYRIGHT)
        (kept / "version").write_bytes(version.stdout.strip())
        kept.rename(place)
    return True


def _rows(source: Source, place: Path, folder: Path) -> list[dict[str, str]]:
    """What the list says of each sound of a package."""
    version = (place / "version").read_text()
    return [
        {
            "path": str(path.relative_to(folder)),
            "package": source.package,
            "version": version,
            "licence": source.licence,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in sorted(place.rglob("*"))
        if path.suffix.lower() in SUFFIXES
    ]


if __name__ == "__main__":
    sys.exit(main())
