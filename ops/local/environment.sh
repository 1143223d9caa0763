# Sourced by ./run and ./test: `environment <lock> [<lock it contains>]` makes $state/venv hold exactly what a hashed lock
# lists, and installs only when the lock has changed. Needs no root. Sets $state and $python.

state=${QIANSHAO_STATE:-$PWD/.qianshao}
mark=.qianshao-state # `--reset` empties no folder that lacks it, and we do not move into one that holds something else
if [[ $state != "$PWD/.qianshao" && ! -f $state/$mark && -n $(ls -A "$state" 2>/dev/null) ]]; then
  echo "QIANSHAO_STATE: $state 不是空文件夹 · is neither empty nor ours" >&2
  exit 1
fi
mkdir -p "$state"
chmod go= "$state" # passwords and keys live there; mkdir -m says nothing to a folder that exists
state=$(cd "$state" && pwd)
: >>"$state/$mark"
python=$state/venv/bin/python

# pyenv and friends put shims on PATH that fail for versions they do not hold: ask each candidate to run.
find_python() {
  local candidate
  for candidate in ${QIANSHAO_PYTHON:-} python3.13 python3.12 python3.11 python3 /usr/bin/python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "需要 Python 3.11 以上 · Python 3.11 or newer is needed: apt-get install -y python3 python3-venv" >&2
  return 3
}

make_venv() {
  local base
  base=$(find_python) || exit 3
  rm -rf "$state/venv"
  # Debian's python3 has no ensurepip unless python3-venv is installed; its pip, if present, may bring virtualenv.
  if "$base" -m venv "$state/venv" >"$state/logs/venv.log" 2>&1; then return; fi
  rm -rf "$state/venv"
  if "$base" -m virtualenv -q "$state/venv" >>"$state/logs/venv.log" 2>&1; then return; fi
  if "$base" -m pip --version >/dev/null 2>&1 &&
    "$base" -m pip install -q --target "$state/virtualenv" virtualenv >>"$state/logs/venv.log" 2>&1 &&
    PYTHONPATH=$state/virtualenv "$base" -m virtualenv -q "$state/venv" >>"$state/logs/venv.log" 2>&1; then return; fi
  rm -rf "$state/venv"
  echo "无法建立虚拟环境 · cannot make a virtual environment. Type: apt-get install -y python3-venv" >&2
  exit 3
}

environment() {
  local lock=$1 contained=${2:-} wanted
  mkdir -p "$state/logs"
  exec 9>"$state/install.lock"
  flock 9 # ./run and ./test at once: one installs, the other finds it done
  # What was interrupted while installing is half there, and pip takes that for whole.
  if [[ -f $state/installing ]] || ! "$python" -c '' 2>/dev/null; then
    rm -f "$state"/*.installed
    make_venv
  fi
  wanted=$(sha256sum <"$lock")
  if [[ $(cat "$state/$lock.installed" 2>/dev/null) != "$wanted" ]]; then
    echo "安装依赖 · installing $lock"
    : >"$state/installing"
    "$python" -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r "$lock" 9>&- || exit 1
    rm -f "$state/installing"
    echo "$wanted" >"$state/$lock.installed"
    # A wider lock is compiled on top of the narrower one, with the same versions: ./run after ./test installs nothing.
    if [[ -n $contained ]]; then sha256sum <"$contained" >"$state/$contained.installed"; fi
  fi
  exec 9>&-
}

reset_state() {
  exec 8>>"$state/lock"
  if ! flock -n 8; then
    echo "$state 正在使用 · is in use by process $(cat "$state/lock"): stop it first" >&2
    exit 1
  fi
  find "$state" -mindepth 1 -delete
  echo "已清空 · emptied $state"
}
