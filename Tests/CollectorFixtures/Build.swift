import Shared

@testable import Verdict

/// A build that a simulated host serves: the contents of its image.
struct Build: Hashable, Sendable {
    var gitSHA: Reported<GitSHA>
    var digests: [DigestEvidence]
    var origin = ImageEvidence.Origin.registry

    init(gitSHA: Reported<GitSHA>, digests: [DigestEvidence], origin: ImageEvidence.Origin = .registry) {
        self.gitSHA = gitSHA
        self.digests = digests
        self.origin = origin
    }

    init(sha: Character, digest: Character) {
        self.init(
            gitSHA: .known(.of(sha)),
            digests: [DigestEvidence(digest: .of(digest), kind: .indexOrManifest, source: .containerImage)])
    }

    /// The digest that the document shows for the build.
    var shown: Digest? { digests.first { $0.kind != .config }?.digest }

    /// The promoted build.
    static let target = Build(sha: "a", digest: "1")
    /// Promoted before the target.
    static let old = Build(sha: "b", digest: "2")
    /// Promoted after the target.
    static let next = Build(sha: "c", digest: "3")
    /// Never promoted.
    static let foreign = Build(sha: "d", digest: "4")
    /// The right commit in another image.
    static let rebuilt = Build(sha: "a", digest: "5")
    /// The right image labelled with another commit.
    static let mislabelled = Build(sha: "e", digest: "1")
    /// The right commit, and no registry digest.
    static let local = Build(
        gitSHA: .known(.of("a")),
        digests: [DigestEvidence(digest: .of("6"), kind: .config, source: .containerImage)], origin: .none)
    /// Without anything that can be compared.
    static let unlabelled = Build(gitSHA: .absent, digests: [])
}

extension GitSHA {
    /// The same digit forty times.
    static func of(_ digit: Character) -> GitSHA {
        guard let sha = GitSHA(contractText: String(repeating: digit, count: 40)) else {
            preconditionFailure("\(digit) is not a hexadecimal digit")
        }
        return sha
    }
}

extension Digest {
    /// The same digit sixty-four times.
    static func of(_ digit: Character) -> Digest {
        guard let digest = Digest(contractText: "sha256:" + String(repeating: digit, count: 64)) else {
            preconditionFailure("\(digit) is not a hexadecimal digit")
        }
        return digest
    }
}

extension Target {
    /// A target by commit and digest, generation 2 in the ledger.
    static let promoted = Target(service: "canvas", gitSHA: .of("a"), digest: .of("1"), generation: 2)
    static let bySHA = Target(service: "canvas", gitSHA: .of("a"))
    static let byDigest = Target(service: "canvas", digest: .of("1"))
}

extension Promotion {
    static let first = Promotion(generation: 1, gitSHA: .of("b"), digest: .of("2"), at: "2026-01-01T00:00:00Z")
    static let target = Promotion(generation: 2, gitSHA: .of("a"), digest: .of("1"), at: "2026-01-02T00:00:00Z")
    static let successor = Promotion(generation: 3, gitSHA: .of("c"), digest: .of("3"), at: "2026-01-03T00:00:00Z")
}

extension [Promotion] {
    /// The ledger's promotions with the target as the newest.
    static var upToTarget: [Promotion] { [.first, .target] }
    /// The ledger's promotions after a newer one.
    static var upToSuccessor: [Promotion] { [.first, .target, .successor] }
}
