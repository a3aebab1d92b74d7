import Shared

/// One host of the frozen inventory.
package struct ExpectedHost: Codable, Hashable, Sendable {
    /// The name, unique in the inventory.
    package var name: String
    /// The URL to query, without the nonce.
    package var url: String
    /// The expected host id from the inventory; nil if it expects none.
    package var id: String?
    package var labels: [String: String] = [:]
    /// The waiver; nil if the host is not waived. An expired waiver is kept, so that reports can name it.
    package var waiver: Waiver?

    package init(name: String, url: String, id: String? = nil, labels: [String: String] = [:], waiver: Waiver? = nil) {
        self.name = name
        self.url = url
        self.id = id
        self.labels = labels
        self.waiver = waiver
    }

    /// True if the gate leaves the host out.
    package var isWaived: Bool { waiver.map { !$0.isExpired } ?? false }
}

/// A waiver that covers a host: the host's own, or one that the inventory has by name or label.
///
/// Expiry is decided once, when the inventory is read: the subject of a verification never changes while it runs. A waiver
/// that expires meanwhile holds until the verification ends.
package struct Waiver: Codable, Hashable, Sendable {
    /// RFC 3339, as in the inventory.
    package var until: String
    package var reason: String
    package var by: String?
    /// True if `until` had passed when the inventory was read.
    package var isExpired: Bool

    package init(until: String, reason: String, by: String? = nil, isExpired: Bool) {
        self.until = until
        self.reason = reason
        self.by = by
        self.isExpired = isExpired
    }

    package enum CodingKeys: String, CodingKey {
        case until, reason, by
        case isExpired = "expired"
    }
}

extension Int {
    /// A number of hosts in words: `1 host`, `12 hosts`.
    package var hostCount: String { self == 1 ? "1 host" : "\(self) hosts" }
}

extension Int {
    /// `once`, or `N times`.
    var times: String { self == 1 ? "once" : "\(self) times" }
}
