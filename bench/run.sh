#!/usr/bin/env bash
# Runs every benchmark, each against a named peer in the same run. Usage: bench/run.sh AGENT COLLECTOR
set -euo pipefail
cd "$(dirname "$0")/.."
agent=${1:-.build-release-agent/release/buildinfo-agent}
collector=${2:-.build-release/release/buildinfo-collector}

echo "== agent: size, resident memory and idle wake-ups, beside node_exporter"
bench/agent-footprint.sh "$agent"
echo
echo "== agent: idle reader and server, beside node_exporter"
bench/agent-idle.sh "$agent"
echo
echo "== agent: memory of held requests, and the time until all of them see a change"
bench/agent-held.sh "$agent"
echo
echo "== agent: from an engine's event to the new document"
bench/agent-events.sh "$agent"
echo
echo "== agent and collector: from a container's start to its status"
bench/agent-label.sh "$agent" "$collector"
echo
echo "== collector: one sweep over 10,000 hosts, beside a raw epoll loop and curl --parallel"
bench/poll/run.sh "$collector"
echo
echo "== collector: 2,000 hosts, 10 of them dead, a soak of 5 s"
bench/fleet.sh "$collector"
echo
echo "== collector: queries to a ledger of a million transitions, beside sqlite3"
bench/ledger.sh "$collector"
