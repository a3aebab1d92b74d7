import ArgumentParser
import Shared

/// What was promoted.
struct TargetOptions: ParsableArguments {
    @Option(help: "Promoted commit, full.", transform: ArgumentText.gitSHA)
    var sha: GitSHA?

    @Option(help: "Promoted digest, of an index or a manifest.", transform: ArgumentText.digest)
    var digest: Digest?

    @Option(
        help: ArgumentHelp(
            "The promoted index's or manifest's raw bytes, for judging without a registry; their SHA-256 must be "
                + "--digest.", valueName: "file"))
    var index: String?

    func validate() throws {
        guard index == nil || digest != nil else {
            throw ValidationError("--index needs --digest, to check the file against")
        }
    }

    /// The target, with what the index file says.
    func target(service: String) throws -> Target {
        var target = Target(service: service, gitSHA: sha, digest: digest)
        guard let index, let digest else { return target }
        let bytes = try LocalFile.read(index, limit: LocalFile.manifestLimit, flag: "--index")
        guard Digest(sha256: SHA256.hash(bytes)) == digest else {
            throw UsageError(
                "--index '\(index)' does not hash to --digest \(digest): save the raw bytes of that digest")
        }
        do throws(PromotedContentError) {
            target.content = try PromotedContent(parsing: bytes, digest: digest)
        } catch {
            throw UsageError("--index '\(index)' \(error)")
        }
        return target
    }
}
