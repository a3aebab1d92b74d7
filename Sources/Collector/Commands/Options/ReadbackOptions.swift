import ArgumentParser

/// How long a registry may show what a tag was before.
struct ReadbackOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How long the registry may take to show a change of the tag that it acknowledged, and how long the tag has to "
                + "show the former build before somebody is taken to have put it back (default: 1m).",
            valueName: "duration"),
        transform: ArgumentText.duration)
    var readbackTimeout = Duration.seconds(60)

    func validate() throws {
        guard readbackTimeout > .zero else {
            throw ValidationError("invalid --readback-timeout: expected a duration longer than zero")
        }
    }
}
