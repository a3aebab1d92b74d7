import CollectorSupport
import Shared
package import Transfer
import Verdict

/// The credentials that the collector presents to each host of a fleet.
package struct HostCredentials: Hashable, Sendable {
    /// The credentials for hosts without their own.
    private let fallback: RequestCredentials
    /// Credentials by host index.
    private let perHost: [Int: RequestCredentials]

    package init(_ fallback: RequestCredentials = RequestCredentials(), perHost: [Int: RequestCredentials] = [:]) {
        self.fallback = fallback
        self.perHost = perHost
    }

    package subscript(host: Int) -> RequestCredentials { perHost[host] ?? fallback }

    /// Warnings for the report, one line each.
    ///
    /// Sending a token over plain HTTP is reported but not refused: the network may be private, and an unverified deploy is
    /// worse than an exposed token that only opens the hosts' build information. The warning is needed because everyone on
    /// the path can read the token and use it.
    func warnings(for hosts: [ExpectedHost]) -> [String] {
        let shown = hosts.indices.filter { self[$0].bearerToken != nil && HostAddress.isInTheClear(hosts[$0].url) }
        guard !shown.isEmpty else { return [] }
        let names = shown.map { Sanitizer.singleLine(hosts[$0].name, limit: 64) }.listed(limit: 3)
        return [
            "the token is sent in the clear to \(shown.count.hostCount) (\(names)): enable TLS on their agents, and list "
                + "https URLs (or scheme: https)"
        ]
    }
}
