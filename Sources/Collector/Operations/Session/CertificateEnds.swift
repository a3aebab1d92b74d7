import CollectorSupport
import FoundationEssentials
import Shared
import Synchronization
import Verdict

/// When the certificates of hosts end, as their first handshakes said. No verdict depends on it.
final class CertificateEnds: Sendable {
    private let ends = Mutex<[Int: Date]>([:])

    /// A certificate that ends sooner than this is worth a warning.
    static let notice = Duration.seconds(14 * 86_400)
    private static let maximumNames = 5

    /// Whether a host is still to be asked: once is enough, and each time costs a bit.
    func isWanted(_ host: Int, url: String) -> Bool {
        url.lowercased().hasPrefix("https:") && ends.withLock { $0[host] == nil }
    }

    /// - Parameter text: as ``TransferResponse/certificateEnd``.
    func note(_ text: String, of host: Int) {
        // What cannot be read is not asked again, and nothing is said of it.
        let date = Self.date(text) ?? .distantFuture
        ends.withLock { $0[host] = $0[host] ?? date }
    }

    /// One line for all hosts whose certificates end soon, or have ended; nil for none.
    ///
    /// - Parameter names: of the hosts, by their index.
    func warning(now: Date, names: [String]) -> String? {
        let limit = now.addingTimeInterval(Self.notice.seconds)
        let soon = ends.withLock { $0 }.filter { $0.value < limit && names.indices.contains($0.key) }
            .sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        guard !soon.isEmpty else { return nil }
        let shown = soon.prefix(Self.maximumNames).map { host, end in
            "\(Sanitizer.singleLine(names[host], limit: 64)) (\(end.rfc3339.prefix(10))\(end < now ? ", over" : ""))"
        }.joined(separator: ", ")
        let more = soon.count > Self.maximumNames ? " and \(soon.count - Self.maximumNames) more" : ""
        return "\(soon.count.hostCount): certificate ends within 14 days: \(shown)\(more)"
    }

    /// `Dec  1 12:00:00 2026 GMT`, as OpenSSL writes it, or `2026-12-01 12:00:00 GMT`, as libcurl's other backends do.
    static func date(_ text: String) -> Date? {
        let words = text.split(separator: " ")
        guard words.last == "GMT" else { return nil }
        if words.count == 3 { return Date(rfc3339: "\(words[0])T\(words[1])Z") }
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard words.count == 5, let month = months.firstIndex(of: String(words[0])) else { return nil }
        func two(_ number: some StringProtocol) -> String { number.count == 1 ? "0\(number)" : "\(number)" }
        return Date(rfc3339: "\(words[3])-\(two("\(month + 1)"))-\(two(words[1]))T\(words[2])Z")
    }
}
