/// The `next` of a `Link` header (RFC 8288), by which registries page their lists.
enum ContentLink {
    /// The target as it is written; nil where there is no next page.
    static func next(in header: String?) -> String? {
        guard let header else { return nil }
        var rest = header[...]
        while let opening = rest.firstIndex(of: "<") {
            guard let closing = rest[opening...].firstIndex(of: ">") else { return nil }
            let target = rest[rest.index(after: opening)..<closing]
            let behind = rest[rest.index(after: closing)...]
            let end = behind.firstIndex(of: "<") ?? behind.endIndex
            let isNext = behind[..<end].split(whereSeparator: { $0 == ";" || $0 == "," }).contains { parameter in
                let parts = parameter.split(separator: "=" as Character, maxSplits: 1)
                guard parts.count == 2, parts[0].filter({ !$0.isWhitespace }).lowercased() == "rel" else {
                    return false
                }
                return parts[1].filter { $0 != "\"" && !$0.isWhitespace }.lowercased() == "next"
            }
            if isNext { return String(target) }
            rest = behind[end...]
        }
        return nil
    }
}
