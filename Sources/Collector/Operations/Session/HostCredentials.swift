import CollectorSupport
import Shared
package import Transfer
import Verdict

/// How each host of a fleet is asked.
package struct HostCredentials: Sendable {
    /// For the hosts that have none of their own.
    private let standard: RequestCredentials
    private let own: [Int: RequestCredentials]

    /// - Parameter own: by the host's index.
    package init(_ standard: RequestCredentials = RequestCredentials(), own: [Int: RequestCredentials] = [:]) {
        self.standard = standard
        self.own = own
    }

    package subscript(host: Int) -> RequestCredentials { own[host] ?? standard }

    /// What a reader of the report should know, one line each.
    ///
    /// That a token goes over plain HTTP is said, and not refused: it may well be meant, in a network that is private by
    /// itself, and a deploy that cannot be verified is worth less than a token that opens nothing but the hosts' build
    /// information. Said it must be, since everybody on the way can read it, and use it.
    func warnings(for hosts: [ExpectedHost]) -> [String] {
        let shown = hosts.indices.filter { self[$0].bearerToken != nil && HostAddress.isInTheClear(hosts[$0].url) }
        guard !shown.isEmpty else { return [] }
        let names = shown.prefix(3).map { Sanitizer.singleLine(hosts[$0].name, limit: 64) }.joined(separator: ", ")
        let more = shown.count > 3 ? " and \(shown.count - 3) more" : ""
        return [
            "the token is sent in the clear to \(shown.count) host\(shown.count == 1 ? "" : "s") (\(names)\(more)): "
                + "let their agents speak TLS, and give https urls (or scheme: https)"
        ]
    }
}
