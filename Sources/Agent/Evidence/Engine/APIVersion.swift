/// A version of an engine's API, for example 1.41.
struct APIVersion: Hashable, Sendable, Comparable, CustomStringConvertible {
    let major: Int
    let minor: Int

    /// The newest version whose fields this program was written for.
    static let newest = APIVersion(major: 1, minor: 53)

    /// The first that inspects an image for a platform other than the host's. Source: moby, `docs/api/version-history.md`.
    static let imagePlatform = APIVersion(major: 1, minor: 49)

    init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Parses `MAJOR.MINOR`; nil for anything else.
    init?(parsing text: String) {
        let parts = text.split(separator: "." as Character, omittingEmptySubsequences: false)
        let isNumber = { (part: Substring) in
            (1...4).contains(part.utf8.count) && part.utf8.allSatisfy { (48...57).contains($0) }
        }
        guard parts.count == 2, parts.allSatisfy(isNumber), let major = Int(parts[0]), let minor = Int(parts[1]) else {
            return nil
        }
        self.init(major: major, minor: minor)
    }

    static func < (one: APIVersion, other: APIVersion) -> Bool { (one.major, one.minor) < (other.major, other.minor) }

    var description: String { "\(major).\(minor)" }
}
