import Shared
import Verdict

/// A build that made-up hosts serve. Nothing here exists anywhere.
package struct DrillBuild: Sendable {
    var gitSHA: GitSHA?
    var digest: Digest?

    static let service = "drill"

    /// What was promoted.
    static let promoted = DrillBuild(commit: "promoted", image: "promoted")
    static let older = DrillBuild(commit: "older", image: "older")
    static let newer = DrillBuild(commit: "newer", image: "newer")
    /// The promoted commit, built once more.
    static let rebuilt = DrillBuild(commit: "promoted", image: "rebuilt")
    /// The promoted image, labelled with another commit.
    static let mislabelled = DrillBuild(commit: "older", image: "promoted")
    /// The promoted image, without any commit.
    static let unlabelled = DrillBuild(commit: nil, image: "promoted")

    var target: Target { Target(service: Self.service, gitSHA: gitSHA, digest: digest) }

    /// The build by its commit alone, as a host without an agent can prove it.
    var targetByCommit: Target { Target(service: Self.service, gitSHA: gitSHA) }

    /// The build as an index that holds one manifest, for this platform.
    func target(for platform: Platform) -> Target {
        var target = target
        target.content = PromotedContent(
            isIndex: true, manifests: digest.map { [.init(digest: $0, platform: platform)] } ?? [])
        return target
    }

    /// Commit and digest are hashes of words: they look like real ones, and are none.
    private init(commit: String?, image: String) {
        gitSHA = commit.flatMap { GitSHA(contractText: Hexadecimal.encode(SHA256.hash(Array("commit \($0)".utf8)))) }
        digest = Digest(sha256: SHA256.hash(Array("image \(image)".utf8)))
    }
}
