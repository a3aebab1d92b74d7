import Shared

/// One host of the frozen inventory.
package struct ExpectedHost: Codable, Hashable, Sendable {
    /// Unique in the inventory.
    package var name: String
    /// The URL to ask, without the nonce.
    package var url: String
    /// The host id that the inventory expects; nil if it expects none.
    package var id: String?
    package var labels: [String: String] = [:]
    /// nil if the host is not waived; an expired one is kept, to be named.
    package var waiver: Waiver?

    package init(name: String, url: String, id: String? = nil, labels: [String: String] = [:], waiver: Waiver? = nil) {
        self.name = name
        self.url = url
        self.id = id
        self.labels = labels
        self.waiver = waiver
    }

    /// Whether the gate leaves the host out.
    package var isWaived: Bool { waiver.map { !$0.isExpired } ?? false }
}

/// The reason for leaving a host out of the gate: its own waiver, or one that the inventory has by name or label.
///
/// Whether it has ended is decided once, when the inventory is read: the subject of a verification never changes while it
/// runs, and a waiver that ends meanwhile holds until the verification's end.
package struct Waiver: Codable, Hashable, Sendable {
    /// RFC 3339, as the inventory has it.
    package var until: String
    package var reason: String
    package var by: String?
    /// Whether `until` had passed when the inventory was read.
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
    /// `once`, or how many times.
    var times: String { self == 1 ? "once" : "\(self) times" }
}
