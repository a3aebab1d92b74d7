/// Commands and imperatives that bring a build to a host, or start the one that is already there.
enum Rollouts {
    static func areNamed(in text: String) -> Bool {
        text.contains(
            #/\b(pull\b|redeploy|recreate\b|restart\b|rollout|up -d|service update|job run|run the job|daemon-reload|auto-update|set (its|the) image|update the Swarm|start or deploy|deploy \S+ again|deploy the promoted|deploy and verify|run docker (?!unpause))/#
        )
    }
}
