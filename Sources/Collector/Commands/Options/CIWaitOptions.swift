import ArgumentParser

/// How long CI is waited for, beside another command's own times.
struct CIWaitOptions: ParsableArguments {
    @Option(
        name: .customLong("ci-timeout"), help: "How long CI may take to become green (default: 30m).",
        transform: ArgumentText.duration)
    var timeout = Duration.seconds(1_800)

    @Option(
        name: .customLong("ci-interval"), help: "How often the forge is asked (default: 15s).",
        transform: ArgumentText.duration)
    var interval = Duration.seconds(15)

    func validate() throws {
        guard timeout > .zero else { throw ValidationError("--ci-timeout must be longer than zero") }
        guard interval >= .milliseconds(50) else { throw ValidationError("--ci-interval must be at least 50ms") }
    }
}
