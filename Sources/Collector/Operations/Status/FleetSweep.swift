import CollectorSupport
import Transfer
import Verdict

/// One request to each host of a fleet.
struct FleetSweep: Sendable {
    let hosts: [ExpectedHost]
    /// The credentials of each host, by its index.
    let credentials: @Sendable (Int) -> RequestCredentials
    var concurrency: Int?
    /// As in ``VerificationRun``.
    var learner: DigestResolver?

    struct Outcome {
        var verification: Verification
        var duration: Duration
        var certificates: CertificateExpiries
    }

    /// Asks each host once, and returns when every request has ended, or a signal came.
    ///
    /// - Parameters:
    ///   - sweep: a verification of these hosts.
    ///   - signals: they end the sweep, as its conclusion.
    func run(
        _ sweep: Verification, signals: RunSignals, observers: [any SessionObserver] = []
    ) async throws(TransferClientError) -> Outcome {
        // Each host is asked once, so connections are not kept.
        let clients = try TransferClients(hosts: hosts, concurrency: concurrency, keepsConnections: false)
        var session = FleetSession(
            transfers: SessionTransfers(clients.all), noncePrefix: RunID.nonce(), credentials: credentials)
        session.watches = [.signals(signals)]
        session.learner = learner
        let certificates = CertificateExpiries()
        session.certificates = certificates
        session.isComplete = { verification in
            verification.isEveryHostAsked && verification.lookups.pending.isEmpty
        }
        let (ended, duration) = await session.run(sweep, observers: observers)
        await clients.shutdown()
        return Outcome(verification: ended, duration: duration, certificates: certificates)
    }
}
