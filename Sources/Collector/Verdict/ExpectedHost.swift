import Shared

/// One host of the frozen inventory.
struct ExpectedHost: Codable, Hashable, Sendable {
    /// Unique in the inventory.
    var name: String
    /// What is asked, without the nonce.
    var url: String
    /// The host id that the inventory expects; nil where it expects none.
    var id: String?
    var labels: [String: String] = [:]
    /// nil where the host is not waived; an expired one is kept, to be named.
    var waiver: Waiver?

    /// Whether the gate leaves the host out.
    var isWaived: Bool { waiver.map { !$0.isExpired } ?? false }
}

/// Why a host is left out of the gate: its own waiver, or one that the inventory gives by name or label.
///
/// Whether it has ended is decided once, when the inventory is read: a verification never changes what it is about while it
/// runs, and a waiver that ends in its midst holds until its end.
struct Waiver: Codable, Hashable, Sendable {
    /// RFC 3339, as the inventory has it.
    var until: String
    var reason: String
    var by: String?
    /// Whether `until` had passed when the inventory was read.
    var isExpired: Bool

    enum CodingKeys: String, CodingKey {
        case until, reason, by
        case isExpired = "expired"
    }
}
