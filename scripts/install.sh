#!/usr/bin/env bash
# Installs Choreograft and all it needs: system packages, the environment .venv, model files, the body model's cache.
# `make install` runs it. Run again, it does only what is missing; it may be interrupted at any point.
# PYTHON=python3.12 make install picks another interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=${PYTHON:-python3}
venv=.venv
stamp=$venv/installed
unfinished=$venv/unfinished
cpu_torch_index=https://download.pytorch.org/whl/cpu

say() { printf 'install: %s\n' "$*"; }
fail() {
  printf 'install: error: %s\n' "$*" >&2
  exit 1
}

check_python() {
  command -v "$python" >/dev/null || fail "found no $python; install Python 3.11 or later, or name one with PYTHON=..."
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "found $("$python" --version); expected Python 3.11 or later; name one with PYTHON=python3.11 make install"
}

install_system_packages() {
  local packages root=""
  packages=$("$python" -I src/choreograft/system.py | xargs)
  if [[ -z $packages ]]; then
    return
  elif ! command -v apt-get >/dev/null; then
    fail "these system packages (Debian's names) are missing: $packages; install them, then run the command again"
  elif ((EUID != 0)); then
    root="sudo -n"
    $root true 2>/dev/null ||
      fail "system packages are missing; run: sudo apt-get install --no-install-recommends $packages; then run the command again"
  fi
  say "system packages: $packages"
  # an unreachable third-party list must not stop the packages of the distribution itself
  $root apt-get -qq update || true
  # shellcheck disable=SC2086  # several packages
  $root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
    install -y --no-install-recommends $packages >/dev/null ||
    fail "apt-get could not install $packages; the lines above say why"
}

make_environment() {
  if [[ -e $unfinished || $("$venv/bin/python" --version 2>/dev/null) != $("$python" --version) ]] ||
    ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    say "virtual environment in $venv"
    "$python" -m venv --clear "$venv"
  fi
}

# -qq leaves errors alone. A pip that is killed may leave half a package that looks whole; a pip that fails does not.
install_packages() {
  touch "$unfinished"
  "$venv/bin/python" -m pip install -qq --disable-pip-version-check -c constraints.txt "$@" || {
    rm -f "$unfinished"
    fail "pip could not install the packages; the lines above say why"
  }
  rm -f "$unfinished"
}

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }

answers() {
  "$venv/bin/python" -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' "$1" 2>/dev/null
}

# PyPI's build for Linux carries gigabytes of CUDA, which only a machine with a GPU can use.
install_torch() {
  local index=""
  if [[ $(uname -s) == Linux ]] && ! has_gpu && answers "$cpu_torch_index/torch/"; then
    index="--extra-index-url $cpu_torch_index"
  fi
  say "PyTorch (about 200 MB on a machine without a GPU, 3 GB with one)"
  # shellcheck disable=SC2086  # two words or none
  install_packages torch $index
}

# What the result depends on; the folder too, since the environment holds absolute paths.
fingerprint() {
  pwd
  "$python" --version
  cat pyproject.toml constraints.txt scripts/install.sh src/choreograft/assets.py
}

check_python
install_system_packages
if [[ ! -e $stamp ]] || ! cmp -s <(fingerprint) "$stamp"; then
  rm -f "$stamp"
  make_environment
  install_torch
  say "Python packages (about 500 MB)"
  install_packages --editable ".[studio,dev]"
  say "body model for the demo (one to two minutes, once)"
  "$venv/bin/python" -c "from choreograft.body.model import load_blend; load_blend()"
  say "model files, and a look at the result"
  "$venv/bin/choreograft" doctor --fetch
  fingerprint >"$stamp"
  say "done"
fi
