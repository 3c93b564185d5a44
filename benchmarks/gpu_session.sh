#!/usr/bin/env bash
# What a borrowed GPU is asked, in one go of 8 (or MINUTES, whole ones). No part can hold others up.
#
#     bash benchmarks/gpu_session.sh OUT [MINUTES]
#
# 1. EGL in several processes at once      OUT/egl.txt
# 2. tests that need a GPU                 OUT/tests.txt
# 3. claifo bench learner, bf16 and tf32   OUT/learner_bf16.json, learner_tf32.json
# 4. claifo bench loop, eight environments OUT/loop.json
# 5. reproduce.py walker_light, what is left of the minutes   OUT/curves.csv, table.md
#
# PYTHON names the interpreter, RUNS the folder from which reproduce.py goes on when called again.
# OPTIONS are given to both benchmarks, REPRODUCE to reproduce.py; to try it all on a CPU:
#     OPTIONS='--preset demo --device cpu --seconds 1' REPRODUCE='--tiny --device cpu'
set -u
out=${1:?usage: gpu_session.sh OUT [MINUTES]}
minutes=${2:-8}
python=${PYTHON:-python3}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$(dirname "$0")/.."
export PYTHONPATH="$PWD:$PWD/sim${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
runs=${RUNS:-runs/gpu_session}
# shellcheck disable=SC2206  # words, separated by blanks
options=(${OPTIONS:---preset dmc_walker_light --device cuda --seconds 10}) reproduce=(${REPRODUCE:-})

left() { echo $((60 * minutes - SECONDS - 5)); }

# part NAME SECONDS COMMAND...: run it within its time of 8 minutes; say in a line how it ended.
part() {
    local name=$1 limit=$(($2 * minutes / 8)) begun=$SECONDS
    shift 2
    ((limit < $(left))) || limit=$(left)
    ((limit > 0)) || { echo "$name: no time left"; return; }
    timeout --kill-after=5 "$limit" "$@" > "$out/$name.txt" 2>&1
    echo "$name: exit code $?, $((SECONDS - begun)) s"
}

bench() {
    local name=$1 limit=$2
    shift 2
    part "$name" "$limit" "$python" -m claifo bench "$@" "${options[@]}" --out "$out/$name.json"
}

part egl 75 "$python" -c '
from claifo_sim import egl, rendering
for count in (1, 4, 8):
    print(count, "processes:", egl.renderer(count) or "nothing drawn in time", flush=True)
backend, ms = rendering.probe(), rendering.milliseconds_per_frame(64)
print(f"chosen: {backend}, {ms:.2f} ms per frame of 64 px")'
part tests 120 "$python" -m pytest -q -rfEs tests/core/device/test_gpu.py
bench learner_bf16 110 learner --set precision=bfloat16
bench learner_tf32 90 learner --set precision=tf32
bench loop 90 loop --set precision=bfloat16 --set env.num_envs=8
if (($(left) >= 60)); then
    part reproduce 480 "$python" benchmarks/reproduce.py walker_light --methods claifo --seeds 0 \
        --minutes "$(left | awk '{ print $1 / 60 }')" --out "$runs" "${reproduce[@]}"
    cp "$runs"/curves.csv "$runs"/table.md "$out"
fi
