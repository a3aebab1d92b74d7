package import Shared

/// What a tag became while the build that it had been was verified.
package struct RetaggedImage: Codable, Hashable, Sendable {
    /// Repository and tag.
    package var image: String
    package var digest: Digest
    /// nil where the image does not say one commit.
    package var gitSHA: GitSHA?
    /// True while it may be a machine of the registry's that lags. Nothing is decided as long as it is so: no verification
    /// ends green, and none as superseded. nil is false.
    package var isDoubted: Bool?
    /// True where it is what the tag was before, or a build that is older than the promoted one: put back by somebody, and
    /// never a newer promotion. nil is false.
    package var isFormer: Bool?

    package init(image: String, digest: Digest, gitSHA: GitSHA? = nil, isDoubted: Bool? = nil, isFormer: Bool? = nil) {
        self.image = image
        self.digest = digest
        self.gitSHA = gitSHA
        self.isDoubted = isDoubted
        self.isFormer = isFormer
    }

    package enum CodingKeys: String, CodingKey {
        case image, digest
        case gitSHA = "git_sha"
        case isDoubted = "doubted"
        case isFormer = "former"
    }

    /// Whether somebody certainly moved the tag.
    var isSettled: Bool { isDoubted != true }

    /// What every message says where ``isFormer``, and no other: reports are recorded as they were given.
    package static let putBackWords = "somebody put the tag back"

    /// One line: what took over.
    package var message: String {
        let build = [gitSHA?.short, digest.short].compactMap { $0 }.joined(separator: " ")
        let name = Sanitizer.singleLine(image, limit: 300)
        switch (isSettled, isFormer == true) {
        case (true, false): return "\(name) is another build now (\(build)): somebody moved the tag since"
        case (true, true):
            return
                "\(name) is an earlier build again (\(build)): \(Self.putBackWords), which is no newer promotion"
        case (false, _):
            return
                "\(name) shows another build at the end (\(build)), and not for long enough to tell why: somebody moved "
                + "the tag since, or the registry answers from a copy that lags"
        }
    }
}
