import Shared
import Transfer

/// The traces of caches in an answer's headers.
///
/// Requests ask not to be answered from a cache, and their URL is new each time, but a cache can be configured to ignore both.
/// `Via` alone indicates a proxy, not a cache. A cache that reports `MISS` has asked the host.
struct StoredAnswer: Hashable, Sendable {
    /// The header that shows that the answer was, or may have been, stored. One clean line; nil if absent.
    private(set) var evidence: String?
    /// The minimum number of seconds for which the answer was stored (RFC 9111, section 5.1); 0 without an `Age`.
    private(set) var age = 0.0

    init(_ headers: TransferHeaders) {
        if let text = headers["age"] {
            let age = Self.age(text)
            self.age = age ?? 0
            // An unreadable age does not count as zero.
            if age != 0 { evidence = Self.line("Age", text) }
        }
        guard evidence == nil else { return }
        evidence =
            headers.all.lazy.compactMap { Self.isStored($0.name, $0.value) ? Self.line($0.name, $0.value) : nil }
            .first
    }

    /// The ``age`` alone: a nonce identifies the answer without the rest.
    static func age(_ headers: TransferHeaders) -> Double { headers["age"].flatMap(age) ?? 0 }

    private static func age(_ text: String) -> Double? {
        Double(text).flatMap { $0.isFinite && $0 >= 0 ? $0 : nil }
    }

    private static func line(_ name: String, _ value: String) -> String {
        Sanitizer.singleLine("\(name.capitalisedHeader): \(value)", limit: 80)
    }

    private static func isStored(_ name: String, _ value: String) -> Bool {
        switch name {
        case "warning":
            // RFC 7234, section 5.5: stale, revalidation failed, disconnected, heuristic.
            return words(value, upTo: ",").contains { ["110", "111", "112", "113"].contains($0.prefix(3)) }
        case "x-varnish":
            // The request's id, and that of the request that filled the cache.
            return words(value, upTo: ",").contains { $0.split(separator: " " as Character).count > 1 }
        case "cache-status":
            return words(value, upTo: ",").contains(where: isHit(inCacheStatus:))
        default:
            guard name.contains("cache"), !isSetting(name) else { return false }
            if name.hasSuffix("hits") {
                return words(value, upTo: ",").contains { Int($0) != 0 }
            }
            return isHit(value)
        }
    }

    /// True for headers with `cache` in their name that are settings, or that report a lookup which may not have been used.
    private static func isSetting(_ name: String) -> Bool {
        name.hasSuffix("cache-control") || name.hasSuffix("-lookup") || name.hasSuffix("-key") || name.hasSuffix("-tag")
            || name.hasSuffix("-tags") || name.hasSuffix("-ttl")
    }

    /// RFC 9211: `ExampleCache; hit; ttl=30`. An answer that was collapsed with another request's belongs to that request.
    private static func isHit(inCacheStatus member: Substring) -> Bool {
        member.split(separator: ";" as Character).dropFirst().contains { part in
            let parameter = part.drop { $0 == " " }.prefix { $0 != " " }.lowercased()
            return ["hit", "hit=?1", "collapsed", "collapsed=?1", "fwd-status=304"].contains(parameter)
        }
    }

    /// `HIT`, `TCP_MEM_HIT`, `Hit from cloudfront`, `RefreshHit`, `STALE`, `UPDATING`, `REVALIDATED`, `fresh`; any of several.
    private static func isHit(_ value: String) -> Bool {
        value.uppercased().split { !$0.isLetter }.contains { word in
            word.hasSuffix("HIT") || ["STALE", "UPDATING", "REVALIDATED", "FRESH", "HITS"].contains(word)
        }
    }

    private static func words(_ value: String, upTo separator: Character) -> [Substring] {
        value.split(separator: separator).map { $0.drop { $0 == " " } }.map { word in
            var word = word
            while word.last == " " { word.removeLast() }
            return word
        }
    }
}

extension String {
    /// `X-Cache` for `x-cache`.
    fileprivate var capitalisedHeader: String {
        split(separator: "-" as Character, omittingEmptySubsequences: false)
            .map { $0 == "cf" ? "CF" : $0.prefix(1).uppercased() + $0.dropFirst() }.joined(separator: "-")
    }
}
