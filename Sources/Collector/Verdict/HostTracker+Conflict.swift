import Shared

/// One line for a person about an answer that was not this host's.
extension HostTracker {
    private static let idRemedy = "set host: {id: …} in its agent.yaml, or --host-id"

    var conflictReason: String {
        let given = Sanitizer.singleLine(telling.hostID ?? "", limit: 64)
        switch facts.identity {
        case .wrongHost:
            guard let expected = host.id ?? firstID else { return "another host answered: check the URL" }
            if let reboot = rebootReason(given) { return reboot }
            let other = given.isEmpty ? "an answer without an id" : "host '\(given)'"
            let source = host.id == nil ? "this URL first gave" : "the inventory expects"
            return
                "\(other) answered where \(source) '\(Sanitizer.singleLine(expected, limit: 64))': check URL, DNS and proxies"
        case .duplicate: return duplicateReason(given)
        case .replayed, .expected, .unknown:
            return "the answer does not echo this request's nonce: a cache or balancer answers for the host"
        }
    }

    /// Where this URL gave its own id before, and gives another one in another boot; nil where that is not so.
    private func rebootReason(_ given: String) -> String? {
        guard let firstID, let firstBoot, !given.isEmpty, firstID != telling.hostID,
            let boot = telling.bootID, !firstBoot.isEmpty, !boot.isEmpty, boot != firstBoot
        else { return nil }
        return
            "host id '\(given)' where this URL first gave '\(Sanitizer.singleLine(firstID, limit: 64))', and another boot id: the "
            + "machine id changed with the reboot, or another machine took its place; make /etc/machine-id persistent, or "
            + Self.idRemedy
    }

    private func duplicateReason(_ given: String) -> String {
        guard let twin else {
            return "another inventory host has the id '\(given)': check both URLs, or \(Self.idRemedy)"
        }
        let other = Sanitizer.singleLine(twin.name, limit: 64)
        guard let boot = telling.bootID, let theirs = twin.bootID, !boot.isEmpty, !theirs.isEmpty else {
            return "'\(other)' has the same id '\(given)': check both URLs, or \(Self.idRemedy)"
        }
        guard boot == theirs else {
            return
                "'\(other)' answers with the same id '\(given)' and another boot id: /etc/machine-id was cloned; give each "
                + "machine its own (systemd-machine-id-setup), or \(Self.idRemedy)"
        }
        return
            "'\(other)' answers with the same id '\(given)' and the same boot id: two names for one host, or a proxy that asks "
            + "one host for both; list it once, or correct the URLs; for two agents on one machine, \(Self.idRemedy)"
    }
}
