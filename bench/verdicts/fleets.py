"""The truth about each simulated fleet, written from its fault and not from any check's verdict.

- good: every host serves the promoted build and works, or as many as the policy asks for.
- bad: at least one host does not serve the promoted build, or its service does not work.
- unknown: nothing that can be seen shows whether every host serves it. A check must not pass.

`models` names what the hosts' documents say for certain beside the answers themselves: "s", how the service itself answers;
"e", which replicas and tags the host's engine has. A check that needs one which is missing is left out for that fleet.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Truth:
    truth: str
    why: str
    models: str = "se"


FLEETS = {
    "fine": Truth("good", "all three serve it"),
    "late": Truth("good", "the third serves it after three answers"),
    "tolerated": Truth("good", "the policy lets one of three hosts be down", "s"),
    "restarted-once": Truth("good", "one restart, then it stays up"),
    "plain": Truth("good", "the commit is all that was promoted, and all report it", "s"),
    "emulated": Truth("good", "the promoted image runs, under emulation"),
    "straggler": Truth("bad", "the third serves the older build"),
    "stalled": Truth("bad", "the third serves the older build"),
    "rolled-back": Truth("bad", "the third goes back to the older build"),
    "too-few": Truth("bad", "one of three instances runs"),
    "plain-starting": Truth("bad", "the third does not serve yet", "s"),
    "superseded": Truth("bad", "the third serves the older build"),
    "crash-loop": Truth("bad", "the third's container restarts all the time"),
    "recreate-loop": Truth("bad", "the third's container is replaced all the time, with gaps"),
    "restarted-outside": Truth("bad", "the third's container is restarted all the time"),
    "other-platform": Truth("bad", "the third serves the older build"),
    "wrong-digest": Truth("bad", "the third serves another image"),
    "wrong-commit": Truth("bad", "the third's image has the label of another commit"),
    "other-served": Truth("bad", "the third's service reports the older commit"),
    "not-served": Truth("bad", "the third's service refuses connections"),
    "paused": Truth("bad", "the third's container is paused"),
    "unhealthy": Truth("bad", "the third's health check fails"),
    "refused": Truth("unknown", "the third refuses connections", "s"),
    "silent": Truth("unknown", "the third never answers", "s"),
    "not-found": Truth("unknown", "the third answers 404", "s"),
    "parked": Truth("unknown", "another page answers for the third", "s"),
    "redirect": Truth("unknown", "a redirect answers for the third", "s"),
    "blind-agent": Truth("unknown", "the third's agent sees nothing", ""),
    "old-look": Truth("unknown", "what the third says is from before the promotion", ""),
    "contradiction": Truth("unknown", "what the third says contradicts itself", ""),
    "other-service": Truth("unknown", "what the third says is about another service", ""),
    "plain-other-service": Truth("unknown", "what the third says is about another service", "s"),
    "stored": Truth("unknown", "a cache answers for the third", "s"),
    "frozen-date": Truth("unknown", "a cache answers for the third", "s"),
    "no-commit": Truth("unknown", "the third does not say its commit"),
    "commit-dev": Truth("unknown", "the third does not say its commit", "s"),
    "no-nonce": Truth("unknown", "the third's answer may be a stored one", ""),
    "other-nonce": Truth("unknown", "the third's answer is to another request", ""),
    "same-id": Truth("unknown", "the first host answers for the third", ""),
    "cloned": Truth("unknown", "which of two hosts answers for the third cannot be told", ""),
    "other-host": Truth("unknown", "another host answers for the third", ""),
    "empty": Truth("unknown", "there are no hosts to ask"),
    "shrunk": Truth("unknown", "three of four hosts are not in the inventory"),
    "none-proven": Truth("unknown", "the only host refuses connections", "s"),
    "lost-together": Truth("unknown", "no host answers a second time", "s"),
    "interrupted": Truth("bad", "the third serves the older build"),
}
