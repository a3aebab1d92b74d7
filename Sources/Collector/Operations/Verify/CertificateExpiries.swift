import CollectorSupport
import FoundationEssentials
import Shared
import Synchronization
import Verdict

/// The expiry dates of the hosts' certificates, taken from their first TLS handshakes. They affect no verdict.
final class CertificateExpiries: Sendable {
    private let ends = Mutex<[Int: Date]>([:])

    /// A certificate that expires sooner than this is worth a warning.
    static let notice = Duration.seconds(14 * 86_400)
    private static let maximumNames = 5

    /// True if the host's certificate is still unknown: reading it costs a little, so it is done once.
    func isWanted(_ host: Int, url: String) -> Bool {
        url.utf8.prefix(6).elementsEqual("https:".utf8) { $0 | 0x20 == $1 | 0x20 } && ends.withLock { $0[host] == nil }
    }

    /// - Parameter text: as ``TransferResponse/certificateEnd``.
    func note(_ text: String, of host: Int) {
        // An unreadable date is not requested again, and causes no warning.
        let date = Self.date(text) ?? .distantFuture
        ends.withLock { $0[host] = $0[host] ?? date }
    }

    /// The end of a host's certificate; nil if it is unknown.
    func end(of host: Int) -> Date? { ends.withLock { $0[host].flatMap { $0 == .distantFuture ? nil : $0 } } }

    /// One line about all certificates that have expired or will soon; nil if there are none.
    ///
    /// - Parameter names: the hosts' names by index.
    func warning(now: Date, names: [String]) -> String? {
        let limit = now.addingTimeInterval(Self.notice.seconds)
        let soon = ends.withLock { $0 }.filter { $0.value < limit && names.indices.contains($0.key) }
            .sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        guard !soon.isEmpty else { return nil }
        let shown = soon.map { host, end in
            "\(Sanitizer.singleLine(names[host], limit: 64)) (\(end.rfc3339.prefix(10))\(end < now ? ", expired" : ""))"
        }.listed(limit: Self.maximumNames)
        return "\(soon.count.hostCount): certificate expires within 14 days: \(shown)"
    }

    /// Parses `2026-12-01 12:00:00 GMT`.
    static func date(_ text: String) -> Date? {
        let words = text.split(separator: " ")
        guard words.count == 3, words.last == "GMT" else { return nil }
        return Date(rfc3339: "\(words[0])T\(words[1])Z")
    }
}
