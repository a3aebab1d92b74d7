#!/bin/sh
# Runs verify or promote for this repository's actions, with the inputs in variables IN_….
#
# A shell reads no value as code: each line of an input becomes one argument, as it is. The annotations, the summary and the
# outputs are the collector's own.
set -eu

here=$(dirname "$0")
break='
'

# Ends the step before the collector runs. The outputs must not look as if something was verified.
refuse() { # EXIT-CODE MESSAGE
    echo "::error title=buildinfo%3A refused (exit $1)::$2"
    [ -z "${GITHUB_OUTPUT:-}" ] ||
        printf '%s\n' verdict=refused "exit_code=$1" moved=false tag= serving= failed_hosts= unproven_hosts= >>"$GITHUB_OUTPUT" || true
    [ -z "${GITHUB_STEP_SUMMARY:-}" ] ||
        printf '## ❌ Nothing was verified\n\n%s. Nothing was changed. (exit %s)\n' "$2" "$1" >>"$GITHUB_STEP_SUMMARY" || true
    exit "$1"
}

one_line() { # INPUT VALUE
    case $2 in *"$break"*) refuse 64 "The input '$1' has a line break: it takes one value" ;; esac
}

# Empty is what an expression results in that names no output or variable. Taken for "not given", it would prove less than was
# asked for.
is_given() { # INPUT VALUE
    [ -n "$2" ] || refuse 64 "The input '$1' is empty: correct the expression that it comes from, or leave the input out"
    [ "$2" != none ]
}

arguments=${IN_COMMAND:-verify}
case $arguments in verify | promote) ;; *) refuse 64 "The input 'command' is invalid: expected verify or promote" ;; esac

single() { # INPUT FLAG VALUE
    one_line "$1" "$3"
    [ -z "$3" ] || arguments=$arguments$break$2=$3
}

several() { # PREFIX VALUES
    rest=$2$break
    while [ -n "$rest" ]; do
        line=${rest%%"$break"*} rest=${rest#*"$break"}
        [ -z "$line" ] || arguments=$arguments$break$1$line
    done
}

! is_given fleet "${IN_FLEET-none}" || several --fleet= "$IN_FLEET"
! is_given host "${IN_HOST-none}" || several --host= "$IN_HOST"
! is_given server "${IN_SERVER-none}" || single server --server "$IN_SERVER"
! is_given server-token-file "${IN_SERVER_TOKEN_FILE-none}" ||
    single server-token-file --server-token-file "$IN_SERVER_TOKEN_FILE"
! is_given service "${IN_SERVICE-none}" || single service --service "$IN_SERVICE"
! is_given environment "${IN_ENVIRONMENT-none}" || single environment --environment "$IN_ENVIRONMENT"
! is_given sha "${IN_SHA-none}" || single sha --sha "$IN_SHA"
! is_given digest "${IN_DIGEST-none}" || single digest --digest "$IN_DIGEST"
! is_given image "${IN_IMAGE-none}" || single image --image "$IN_IMAGE"
single timeout --timeout "${IN_TIMEOUT:-}"
single soak --soak "${IN_SOAK:-}"
several --max-stragglers= "${IN_MAX_STRAGGLERS:-}"
several --max-unreachable= "${IN_MAX_UNREACHABLE:-}"
several --max-failed= "${IN_MAX_FAILED:-}"
several --context= "${IN_CONTEXT:-}"
single rollback-on --rollback-on "${IN_ROLLBACK_ON:-}"
! is_given kill-switch "${IN_KILL_SWITCH-none}" || several --kill-switch= "$IN_KILL_SWITCH"
single store --store "${IN_STORE:-}"
several --report= "${IN_REPORT:-}"

reports=${IN_REPORTS:-}
one_line reports "$reports"
if [ -n "$reports" ]; then
    mkdir -p -- "$reports" || refuse 69 "The folder of the input 'reports' cannot be made"
    for report in json=report.json html=report.html markdown=report.md junit=junit.xml evidence=evidence.ndjson; do
        # A refused run writes none, and the artifact must not show those of an earlier one.
        rm -f -- "$reports/${report#*=}"
        arguments=$arguments$break--report=${report%%=*}=$reports/${report#*=}
    done
fi
several '' "${IN_ARGS:-}"

# The value of a variable of the repository. A switch that promote does not see would be off.
if [ -n "${IN_AUTO_DEPLOY_DISABLED:-}" ]; then
    export PROD_AUTO_DEPLOY_DISABLED="$IN_AUTO_DEPLOY_DISABLED"
    # Given switches replace the default one.
    ! is_given kill-switch "${IN_KILL_SWITCH-none}" || several '' --kill-switch=env:PROD_AUTO_DEPLOY_DISABLED
fi
# A token is never an argument, which every process of the runner could read.
if is_given server-token "${IN_SERVER_TOKEN-none}"; then
    is_given server "${IN_SERVER-none}" || refuse 64 "The input 'server-token' needs the input 'server'"
    ! is_given server-token-file "${IN_SERVER_TOKEN_FILE-none}" ||
        refuse 64 "The inputs 'server-token' and 'server-token-file' exclude each other: give one of them"
    export BUILDINFO_ID_TOKEN="$IN_SERVER_TOKEN"
fi
unset IN_SERVER_TOKEN
if [ -n "${IN_TOKEN:-}" ]; then
    [ "${arguments%%"$break"*}" != promote ] || export GITHUB_TOKEN="$IN_TOKEN"
    unset IN_TOKEN
fi

collector=${IN_COLLECTOR:-buildinfo-collector}
if [ -n "${IN_RELEASE:-}" ]; then
    one_line release "$IN_RELEASE"
    pin=''
    ! is_given sums-sha256 "${IN_SUMS_SHA256-none}" || pin=$IN_SUMS_SHA256
    one_line sums-sha256 "$pin"
    # Not kept: on a runner that outlives the job, another job could have changed it.
    folder=$(mktemp -d "${RUNNER_TEMP:-${TMPDIR:-/tmp}}/buildinfo.XXXXXX") || refuse 69 "There is no room for the collector on this runner"
    code=0
    sh "$here/../packaging/install.sh" --root "$folder" ${pin:+--sums-sha256 "$pin"} \
        --from "$IN_RELEASE" collector || code=$?
    case $code in
        0) collector=$folder/usr/bin/buildinfo-collector ;;
        64) refuse 64 "The input 'release' is invalid: see the log of this step" ;;
        65) refuse 69 "The release does not have the expected checksum: do not use it" ;;
        *) refuse 69 "The collector could not be installed: see the log of this step" ;;
    esac
fi
command -v "$collector" >/dev/null || refuse 69 "buildinfo-collector is not installed on this runner: set the input 'release'"

set -f
IFS=$break
# Split at line breaks only.
# shellcheck disable=SC2086
set -- $arguments
unset IFS
set +f
# Replaces this shell, so that cancelling the job interrupts the collector itself, which still writes its reports.
exec "$collector" "$@"
