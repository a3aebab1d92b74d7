import CResolver
import CollectorSupport
import Shared

/// Looks up a fleet in DNS: each SRV record, or each address of a name, is a host.
struct DNSRecords: Sendable {
    /// The records that are hosts; the raw value is the prefix of `--fleet`.
    enum Kind: String, CaseIterable, Sendable {
        case addresses = "dns:"
        case ipv4 = "dns+a:"
        case ipv6 = "dns+aaaa:"
        case services = "dns+srv:"

        fileprivate var types: [ns_type] {
            switch self {
            case .addresses: [ns_t_a, ns_t_aaaa]
            case .ipv4: [ns_t_a]
            case .ipv6: [ns_t_aaaa]
            case .services: [ns_t_srv]
            }
        }
    }

    /// A server to query instead of the system's, for tests.
    struct Server: Sendable {
        /// An IPv4 address.
        var address: String
        var port: Int
    }

    var server: Server?

    /// The hosts as a list, one `HOST` or `HOST:PORT` per line, in a fixed order.
    ///
    /// - Throws: if one of the queries fails: a part of the fleet would look like all of it.
    func list(_ name: String, _ kind: Kind) async throws(InventoryError) -> String {
        var hosts: Set<String> = []
        var isKnown = false
        for type in kind.types {
            // Some servers deny a name that has only records of the other type.
            guard let found = try await onThread({ () throws(InventoryError) in try records(name, type) }) else {
                continue
            }
            isKnown = true
            hosts.formUnion(found)
        }
        guard isKnown else {
            throw .invalid(
                SourceLocation(source: kind.rawValue + Self.shown(name), line: nil),
                problem: "the name does not exist in DNS: check it, and the search domains in resolv.conf")
        }
        return hosts.sorted().joined(separator: "\n")
    }

    private static func shown(_ name: String) -> String { Sanitizer.singleLine(name, limit: 200) }

    /// Runs blocking work outside the concurrency pool, which has only a thread per processor.
    private func onThread<Value: Sendable>(
        _ work: @escaping @Sendable () throws(InventoryError) -> Value
    ) async throws(InventoryError) -> Value {
        try await OwnThread.run { Result(catching: work) }.get()
    }

    /// A response has at most 65,535 bytes, and asks for TCP when UDP is too small for it.
    private static let capacity = 65_536

    /// nil if the name does not exist.
    private func records(_ name: String, _ type: ns_type) throws(InventoryError) -> Set<String>? {
        var answer = [UInt8](repeating: 0, count: Self.capacity)
        var error: Int32 = 0
        let length = buildinfo_dns_query(
            name, Int32(type.rawValue), server?.address, Int32(server?.port ?? 53), &answer, Int32(answer.count), &error
        )
        let source = Self.shown(name)
        guard length >= 0 else {
            switch error {
            case NO_DATA: return []
            case HOST_NOT_FOUND: return nil
            default: throw .unavailable(source: source, reason: "the DNS server did not answer")
            }
        }
        let count = buildinfo_dns_count(answer, length)
        guard count >= 0 else { throw .unavailable(source: source, reason: "the DNS server's answer is malformed") }
        var found: Set<String> = []
        for index in 0..<count {
            var record = buildinfo_dns_record()
            guard buildinfo_dns_read(answer, length, index, &record) == 0 else {
                throw .unavailable(source: source, reason: "the DNS server's answer is malformed")
            }
            // Aliases precede the records that they lead to.
            guard record.type == Int32(type.rawValue) else { continue }
            let text = withUnsafeBytes(of: record.text) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            // A target of "." means that the domain does not offer the service (RFC 2782).
            guard !text.isEmpty, text != "." else { continue }
            found.insert(type == ns_t_srv ? "\(text):\(record.port)" : text)
        }
        return found
    }
}
