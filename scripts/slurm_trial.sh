#!/usr/bin/env bash
# A Slurm of one node on this machine, the small sweep of tests/launcher_sweep.py through `hydra/launcher=slurm`, and
# whether its records are those of runs one after the other. For Debian or Ubuntu, as root:
#
#   scripts/slurm_trial.sh              # exit code 0: the same records; 1: a difference, or a Slurm that does not work
#   scripts/slurm_trial.sh COMMAND ...  # any command on that Slurm instead, e.g. make reproduce-figure3 LAUNCHER=slurm
#
# Installs slurm-wlm and munge with apt-get where they are absent. Configuration, key, sockets, state and logs lie in a
# temporary folder and the ports are free ones, so that nothing of /etc is touched and a Slurm that is there already is
# left alone. The daemons it starts are stopped and the folder is removed however it ends; KEEP=1 keeps the folder.
# PYTHON is the interpreter with deltalora and requirements-launchers.lock (default: .venv/bin/python).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
PYTHON=${PYTHON:-$root/.venv/bin/python}
export OMP_NUM_THREADS=1
began=$SECONDS

[ "$(id -u)" -eq 0 ] || { echo "slurm_trial: expected root, which starts jobs for users, found $(id -un); use sudo" >&2; exit 2; }
"$PYTHON" -c 'import deltalora, hydra_plugins.hydra_submitit_launcher' ||
  { echo "slurm_trial: $PYTHON lacks deltalora or hydra-submitit-launcher: pip install --no-deps -r requirements-launchers.lock" >&2; exit 2; }

if ! command -v slurmctld slurmd sbatch munged >/dev/null; then
  # The package must not start its daemons: this script starts its own.
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null
fi

work=$(mktemp -d -t slurm-trial.XXXXXX)
pids=()
stop() {
  code=$?
  trap - EXIT
  # Jobs first: without slurmd nobody ends them. What is deaf to SIGTERM is killed after KillWait.
  if squeue --noheader >"$work/left" 2>/dev/null && [ -s "$work/left" ]; then
    scancel --user="$(id -un)" || true
    for _ in $(seq 100); do [ -z "$(squeue --noheader 2>/dev/null)" ] && break; sleep 0.2; done
  fi
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill "${pids[i]}" 2>/dev/null || true
    for _ in $(seq 50); do kill -0 "${pids[i]}" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "${pids[i]}" 2>/dev/null || true
  done
  if [ "$code" -ne 0 ]; then
    for log in "$work"/*.log; do
      [ -f "$log" ] && { echo "--- $(basename "$log")"; tail -n 20 "$log"; }
    done
  fi
  if [ "${KEEP:-0}" = 1 ]; then echo "slurm_trial: kept $work"; else rm -rf "$work"; fi
  exit "$code"
}
trap stop EXIT
trap 'exit 130' INT TERM

chmod 755 "$work" # munge's socket must be reachable
mkdir -p "$work"/{munge,state,spool,folder}
head -c 1024 /dev/urandom >"$work/munge/key"
chmod 400 "$work/munge/key"
read -r ctld_port d_port < <("$PYTHON" - <<'PY'
import socket

sockets = [socket.socket() for _ in range(2)]
for one in sockets:
    one.bind(("", 0))
print(*(one.getsockname()[1] for one in sockets))
PY
)
host=$(hostname -s)
cat >"$work/slurm.conf" <<CONF
ClusterName=trial
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort=$ctld_port
SlurmdPort=$d_port
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
ReturnToService=2
KillWait=5
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(getconf _NPROCESSORS_ONLN) RealMemory=$(($(awk '/^MemTotal/ {print $2}' /proc/meminfo) / 1024 * 9 / 10)) State=UNKNOWN
PartitionName=trial Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$work/slurm.conf
# slurmd loads a cgroup plugin even to do without cgroups. From 23.11 on there is one that does nothing; before, v1's
# does nothing until a job is to be bound.
version=$(slurmd -V | sed -E 's/[^0-9]*([0-9]+)\.([0-9]+).*/\1\2/')
echo "CgroupPlugin=$([ "$version" -ge 2311 ] && echo disabled || echo cgroup/v1)" >"$work/cgroup.conf"

munged --foreground --force --num-threads=1 --key-file="$work/munge/key" --socket="$work/munge/socket" \
  --pid-file="$work/munge/pid" --seed-file="$work/munge/seed" --log-file="$work/munged.log" 2>"$work/munged.err.log" &
pids+=($!)
for _ in $(seq 50); do [ -S "$work/munge/socket" ] && break; sleep 0.1; done
slurmctld -D -f "$work/slurm.conf" >/dev/null 2>&1 &
pids+=($!)
slurmd -D -f "$work/slurm.conf" >/dev/null 2>&1 &
pids+=($!)
for _ in $(seq 100); do [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ] && break; sleep 0.2; done
[ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ] ||
  { echo "slurm_trial: expected an idle node within 20 s, found: $(sinfo 2>&1)" >&2; exit 1; }
echo "slurm_trial: $(slurmd -V), node $(sinfo --noheader --Node --format='%N, %c CPUs, %m MB, %T'), up after $((SECONDS - began)) s"

export DELTALORA_SLURM_PARTITION=trial DELTALORA_SLURM_MINUTES=10
if [ $# -gt 0 ]; then
  DELTALORA_CPUS=1 DELTALORA_GPUS=null DELTALORA_SLURM_MEMORY_GB=2 "$@"
else
  TMPDIR=$work/folder "$PYTHON" "$root/tests/launcher_sweep.py" slurm
fi
echo "slurm_trial: slurm's own account of the jobs:"
scontrol --oneliner show job | sed -E 's/^JobId=([0-9]+) (.*ArrayTaskId=([0-9-]+))?.* JobState=([A-Z]+).* RunTime=([0-9:]+).*/  job \1 task \3 \4 \5/'
echo "slurm_trial: $((SECONDS - began)) s"
