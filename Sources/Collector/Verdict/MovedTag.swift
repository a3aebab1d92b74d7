import Shared

/// What a tag became while the build that it had been was verified.
struct MovedTag: Codable, Hashable, Sendable {
    /// Repository and tag.
    var image: String
    var digest: Digest
    /// nil where the image does not say one commit.
    var gitSHA: GitSHA?

    enum CodingKeys: String, CodingKey {
        case image, digest
        case gitSHA = "git_sha"
    }

    /// One line: what took over.
    var message: String {
        let build = [gitSHA?.short, digest.short].compactMap { $0 }.joined(separator: " ")
        return "\(Hygiene.line(image, limit: 300)) is another build now (\(build)): somebody moved the tag since"
    }
}
