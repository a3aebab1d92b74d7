import CResolver
import CollectorSupport
import Dispatch
import Shared

/// Looks up a fleet in DNS: each SRV record, or each address of a name, is a host.
struct DNSRecords: Sendable {
    /// A server to query instead of the system's, for tests.
    struct Server: Sendable {
        /// An IPv4 address.
        var address: String
        var port: Int
    }

    var server: Server?

    /// The hosts as a list, one `HOST` or `HOST:PORT` per line, in a fixed order.
    ///
    /// A name with IPv4 and IPv6 addresses is listed by its IPv4 addresses, since both may belong to one host.
    func list(_ name: String, services: Bool) async throws(InventoryError) -> String {
        let types = services ? [ns_t_srv] : [ns_t_a, ns_t_aaaa]
        for type in types {
            let hosts = try await onThread { () throws(InventoryError) in try records(name, type) }
            if !hosts.isEmpty { return hosts.sorted().joined(separator: "\n") }
        }
        return ""
    }

    /// Runs blocking work outside the concurrency pool, which has only a thread per processor.
    private func onThread<Value: Sendable>(
        _ work: @escaping @Sendable () throws(InventoryError) -> Value
    ) async throws(InventoryError) -> Value {
        let result = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: Result(catching: work)) }
        }
        return try result.get()
    }

    /// A response has at most 65,535 bytes, and asks for TCP when UDP is too small for it.
    private static let capacity = 65_536

    private func records(_ name: String, _ type: ns_type) throws(InventoryError) -> Set<String> {
        var answer = [UInt8](repeating: 0, count: Self.capacity)
        var error: Int32 = 0
        let length = buildinfo_dns_query(
            name, Int32(type.rawValue), server?.address, Int32(server?.port ?? 53), &answer, Int32(answer.count), &error
        )
        let source = Sanitizer.singleLine(name, limit: 200)
        guard length >= 0 else {
            switch error {
            case NO_DATA: return []
            case HOST_NOT_FOUND:
                throw .unreadable(source: source, reason: "the name does not exist in DNS")
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
            // A target of "." says that there is no such service (RFC 2782).
            guard !text.isEmpty, text != "." else { continue }
            found.insert(type == ns_t_srv ? "\(text):\(record.port)" : text)
        }
        return found
    }
}
