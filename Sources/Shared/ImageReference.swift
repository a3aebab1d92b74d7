/// A name under which an image is pulled: `[registry/]repository[:tag][@digest]`.
///
/// Normalised as Docker does (`distribution/reference`, `ParseNormalizedNamed`): no registry means `docker.io`, and there
/// a name without a folder is under `library/`. A missing tag stays nil here; ``effectiveTag`` is what an engine takes.
public struct ImageReference: Hashable, Sendable {
    /// For example `docker.io` or `registry.example:5000`; lower case.
    public let registry: String
    /// For example `library/nginx`.
    public let path: String
    public let tag: String?
    public let digest: Digest?

    /// Parses a reference as operators type it; nil where it is none (an image id, upper case in the path, …).
    public init?(parsing text: some StringProtocol) {
        var rest = Substring(text)
        var digest: Digest?
        if let at = rest.firstIndex(of: "@") {
            guard let parsed = try? Digest(parsing: rest[rest.index(after: at)...]) else { return nil }
            digest = parsed
            rest = rest[..<at]
        }
        var tag: String?
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
            let text = rest[rest.index(after: colon)...]
            guard Self.isTag(text) else { return nil }
            tag = String(text)
            rest = rest[..<colon]
        }
        guard let (registry, path) = Self.splitRegistry(rest), Self.isPath(path) else { return nil }
        self.registry = registry
        self.path = path
        self.tag = tag
        self.digest = digest
    }

    /// Registry and path, without tag and digest: equal for every reference to one repository.
    public var repository: String { "\(registry)/\(path)" }

    /// The tag that an engine takes: `latest` where neither tag nor digest is given, nil where only a digest is.
    public var effectiveTag: String? { tag ?? (digest == nil ? "latest" : nil) }

    private static func splitRegistry(_ name: Substring) -> (String, String)? {
        guard !name.isEmpty else { return nil }
        let dockerHub = "docker.io"
        guard let slash = name.firstIndex(of: "/") else { return (dockerHub, "library/\(name)") }
        let first = name[..<slash]
        let rest = String(name[name.index(after: slash)...])
        guard first.contains(".") || first.contains(":") || first == "localhost" || first != first.lowercased() else {
            return (dockerHub, String(name))
        }
        let registry = first.lowercased()
        guard registry == dockerHub || registry == "index.docker.io" else { return (registry, rest) }
        return (dockerHub, rest.contains("/") ? rest : "library/\(rest)")
    }

    private static func isPath(_ path: String) -> Bool {
        let components = path.split(separator: "/" as Character, omittingEmptySubsequences: false)
        return path.utf8.count <= 255
            && components.allSatisfy { component in
                guard let first = component.utf8.first, let last = component.utf8.last else { return false }
                return first.isLowerAlphanumeric && last.isLowerAlphanumeric
                    && component.utf8.allSatisfy { $0.isLowerAlphanumeric || ".-_".utf8.contains($0) }
            }
    }

    private static func isTag(_ tag: Substring) -> Bool {
        guard let first = tag.utf8.first, tag.utf8.count <= 128 else { return false }
        let isWord = { (byte: UInt8) in
            byte.isLowerAlphanumeric || (65...90).contains(byte) || byte == UInt8(ascii: "_")
        }
        return isWord(first) && tag.utf8.allSatisfy { isWord($0) || ".-".utf8.contains($0) }
    }
}

extension ImageReference: CustomStringConvertible {
    public var description: String {
        repository + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "")
    }
}

extension UTF8.CodeUnit {
    fileprivate var isLowerAlphanumeric: Bool { (97...122).contains(self) || (48...57).contains(self) }
}
