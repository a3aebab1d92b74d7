import Glibc
package import Verdict

/// One made-up fleet, what is wrong with it, and what the gate has to say of it.
package struct DrillCase: Sendable {
    /// In the JSON output, and where a case is named in one word.
    package let name: String
    /// What is wrong, for the table; one clean line.
    package let fault: String
    /// The one that is wrong comes last.
    package var hosts: [DrillHost]
    package var policy: Policy
    /// What was promoted; by commit and digest unless a case says otherwise.
    package var target = DrillBuild.promoted.target
    var circumstance = Circumstance.none
    let expectation: DrillExpectation

    /// What happens besides the hosts.
    package enum Circumstance: Hashable, Sendable {
        case none
        /// The service was verified on all the hosts before, and the inventory lists only the first of them now.
        case shrunkInventory
        /// Another verification of the service starts meanwhile, for another build.
        case newerPromotion
        /// This process gets the signal meanwhile, so that nothing else may run beside the case.
        case signal(Int32)

        /// Whether there has to be a ledger.
        var needsLedger: Bool {
            switch self {
            case .shrunkInventory, .newerPromotion: true
            case .none, .signal: false
            }
        }
    }

    /// Whether the case has to run while no other does.
    var runsAlone: Bool {
        if case .signal = circumstance { true } else { false }
    }

    /// Whether the gate judged the fleet as it had to.
    func isCaught(_ outcome: DrillOutcome) -> Bool { complaint(about: outcome) == nil }

    /// What is wrong with the gate's judgement, in one clean line; nil where it is as it has to be.
    func complaint(about outcome: DrillOutcome) -> String? {
        switch outcome.ending {
        case .broken(let reason): "no verdict: \(reason)"
        case .judged(let judgement): expectation.complaint(about: judgement)
        }
    }
}
