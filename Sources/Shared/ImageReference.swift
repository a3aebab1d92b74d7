/// A name to pull an image by: `[registry/]repository[:tag][@digest]`.
///
/// Normalised like Docker's `distribution/reference` (`ParseNormalizedNamed`): the default registry is `docker.io`, where a
/// name without a slash is below `library/`. A missing tag stays nil; see ``effectiveTag``.
public struct ImageReference: Hashable, Sendable {
    /// The registry in lower case, for example `docker.io` or `registry.example:5000`.
    public let registry: String
    /// The path below the registry, for example `library/nginx`.
    public let path: String
    public let tag: String?
    public let digest: Digest?

    /// Parses a reference as operators type it; nil for anything else, such as an image id or an upper-case path.
    public init?(parsing text: some StringProtocol) {
        // To Docker, a digest alone is an image id, and not the tag of a repository `sha256`.
        guard (try? Digest(parsing: text)) == nil else { return nil }
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
        // To Docker, 64 hexadecimal digits are an image id, never a name.
        guard rest.utf8.count != 64 || !rest.utf8.allSatisfy(\.isHexDigit) else { return nil }
        guard let (registry, path) = Self.splitRegistry(rest), Self.isRegistry(registry), Self.isPath(path) else {
            return nil
        }
        self.registry = registry
        self.path = path
        self.tag = tag
        self.digest = digest
    }

    /// The registry and path without tag and digest, equal for all references to one repository.
    public var repository: String { "\(registry)/\(path)" }

    /// The tag that an engine uses: `latest` without tag and digest, nil with a digest alone.
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

    /// True for a host name, IPv4 address or bracketed IPv6 address, with an optional port.
    private static func isRegistry(_ registry: String) -> Bool {
        var name = registry[...]
        if let colon = name.lastIndex(of: ":"), !name[colon...].contains("]") {
            let port = name[name.index(after: colon)...]
            guard !port.isEmpty, port.utf8.allSatisfy(\.isASCIIDigit) else { return false }
            name = name[..<colon]
        }
        if name.hasPrefix("["), name.hasSuffix("]") {
            let address = name.dropFirst().dropLast()
            return !address.isEmpty && address.utf8.allSatisfy { $0.isHexDigit || $0 == UInt8(ascii: ":") }
        }
        return name.split(separator: "." as Character, omittingEmptySubsequences: false).allSatisfy { label in
            guard let first = label.utf8.first, let last = label.utf8.last else { return false }
            return first.isLowerAlphanumeric && last.isLowerAlphanumeric
                && label.utf8.allSatisfy { $0.isLowerAlphanumeric || $0 == UInt8(ascii: "-") }
        }
    }

    private static func isPath(_ path: String) -> Bool {
        path.utf8.count <= 255
            && path.split(separator: "/" as Character, omittingEmptySubsequences: false).allSatisfy(isComponent)
    }

    /// True for letters and digits, separated by `.`, `_`, `__` or any number of `-`.
    private static func isComponent(_ component: Substring) -> Bool {
        guard component.utf8.last?.isLowerAlphanumeric == true else { return false }
        var separator = ""
        for (index, byte) in component.utf8.enumerated() {
            if byte.isLowerAlphanumeric {
                guard ["", ".", "_", "__"].contains(separator) || separator.allSatisfy({ $0 == "-" }) else {
                    return false
                }
                separator = ""
            } else {
                guard index > 0, ".-_".utf8.contains(byte) else { return false }
                separator.append(Character(Unicode.Scalar(byte)))
            }
        }
        return true
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
    fileprivate var isLowerAlphanumeric: Bool { (97...122).contains(self) || isASCIIDigit }
}
