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

/// Why a host is left out of the gate.
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
