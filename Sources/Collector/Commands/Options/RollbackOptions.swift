import ArgumentParser
import Operations
import Shared

/// Which tag is put back, and to what.
struct RollbackOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The repository, for example registry.example/canvas, or with the tag.", valueName: "ref"))
    var image: String

    @Option(help: ArgumentHelp("The tag that is put back (default: that of --image, else latest).", valueName: "tag"))
    var tag: String?

    @Option(
        help: ArgumentHelp(
            "The build to put it back to: a commit or a digest (7 digits or more), or the ledger's number of its promotion. "
                + "Default: the last one before the present that the whole fleet was proven to serve.",
            valueName: "sha|generation|digest"))
    var to: String?

    @Flag(help: "Read everything, say what would be done, and write nothing.")
    var dryRun = false

    @Flag(name: .customLong("no-verify"), help: "End after the tag was read back.")
    var skipsVerification = false

    @Option(
        help: ArgumentHelp(
            "Who puts it back, for the journal. Default: $GITHUB_ACTOR, else the user.", valueName: "name"))
    var by: String?

    func validate() throws {
        _ = try target()
    }

    /// Repository and tag.
    func target() throws -> ImageReference {
        let shown = Sanitizer.singleLine(image, limit: 200)
        guard let reference = ImageReference(parsing: image), reference.digest == nil else {
            throw ValidationError(
                "invalid --image '\(shown)': expected a repository, for example registry.example/canvas, or with a tag")
        }
        if let tag, let named = reference.tag, tag != named {
            throw ValidationError(
                "--image '\(shown)' and --tag '\(Sanitizer.singleLine(tag, limit: 100))' name two tags: give one")
        }
        let tag = tag ?? reference.tag ?? "latest"
        guard let target = ImageReference(parsing: "\(reference.repository):\(tag)"), target.digest == nil else {
            throw ValidationError(
                "invalid --tag '\(Sanitizer.singleLine(tag, limit: 100))': expected a tag, for example latest")
        }
        guard !TagPolicy().isWrittenOnce(tag) else {
            throw ValidationError(
                "invalid --tag '\(tag)': it names one build for good and is never moved; expected a moving tag, such as latest"
            )
        }
        return target
    }
}
