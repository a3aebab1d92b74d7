import Shared

/// Tracks who answers for a host: the id and the boot that it first gave, and whatever contradicts them.
struct IdentityTracker: Sendable {
    private(set) var fact = IdentityFact.unknown
    /// The inventory's; nil where it expects none.
    private let expectedID: String?
    private var firstID: String?
    private var firstBoot: String?
    private var lastBoot: String?
    private var twin: Twin?
    private var lastConflict: (fact: IdentityFact, at: Duration)?
    private let acceptsSuccessor: Bool
    /// nil for almost every host.
    private var candidate: Candidate?

    /// Another id that answers alone, and since when. A reference, because trackers are many.
    private final class Candidate: Sendable {
        let id: String
        let since: Duration

        init(id: String, since: Duration) {
            self.id = id
            self.since = since
        }
    }

    /// - Parameter acceptsSuccessor: true for a check without an end, in which a machine can be replaced by another.
    init(expectedID: String?, acceptsSuccessor: Bool = false) {
        self.expectedID = expectedID
        self.acceptsSuccessor = acceptsSuccessor
    }

    /// Another host of the inventory that answers with the same id.
    struct Twin: Hashable, Sendable {
        let name: String
        /// Of its last answer; nil where it gave none in this verification.
        let bootID: String?
    }

    // MARK: - Taking answers in

    /// - Returns: false where the answer is another host's, or one to another request.
    mutating func take(_ answer: AgentAnswer, of sample: Sample, twin: Twin?) -> Bool {
        self.twin = twin
        acceptSuccessor(answer, of: sample)
        let own = ownFact(answer, nonce: sample.nonce)
        return settle(own == .expected && twin != nil ? .duplicate : own, at: sample.answeredAt)
    }

    /// The same, for an answer without an id.
    mutating func take(_ answer: PlainAnswer, of sample: Sample) -> Bool {
        twin = nil
        if let echoed = answer.nonce, echoed != sample.nonce { return settle(.replayed, at: sample.answeredAt) }
        return settle(firstID == nil ? .unknown : .wrongHost, at: sample.answeredAt)
    }

    mutating func tookNothing() { twin = nil }

    /// Takes another machine for the host's successor, once it has answered alone for long enough. Two machines that answer in
    /// turns stay in conflict.
    private mutating func acceptSuccessor(_ answer: AgentAnswer, of sample: Sample) {
        guard acceptsSuccessor, expectedID == nil, let firstID else { return }
        let id = answer.own.hostID
        guard id != firstID, answer.nonce == sample.nonce else { return candidate = nil }
        guard let candidate, candidate.id == id else {
            return candidate = Candidate(id: id, since: sample.answeredAt)
        }
        guard sample.answeredAt - candidate.since >= Policy.replacement else { return }
        (self.firstID, firstBoot, self.candidate) = (id, answer.own.bootID, nil)
    }

    private mutating func settle(_ fact: IdentityFact, at moment: Duration) -> Bool {
        self.fact = fact
        if fact.isConflict { lastConflict = (fact, moment) }
        return !fact.isConflict
    }

    /// Notes the id and the boot of an answer that is this host's.
    ///
    /// - Returns: true where the host was in another boot at its answer before.
    mutating func note(id: String, boot: String) -> Bool {
        if firstID == nil { (firstID, firstBoot) = (id, boot) }
        defer { lastBoot = boot }
        return lastBoot.map { $0 != boot } ?? false
    }

    /// Another host turned out to have the same id. The id that this host first gave stays: if it was the other's, its own
    /// cannot be distinguished from a third one's, and it stays in conflict.
    ///
    /// - Returns: false where that was known.
    mutating func markDuplicate(of twin: Twin) -> Bool {
        guard fact != .duplicate else { return false }
        fact = .duplicate
        self.twin = twin
        return true
    }

    /// Makes the last conflict the host's identity again, if it is at most as old as `span`. Two hosts behind one URL answer in
    /// turns: which of them was last is chance.
    mutating func recallConflict(at now: Duration, within span: Duration) -> Bool {
        guard let lastConflict, now - lastConflict.at <= span else { return false }
        fact = lastConflict.fact
        return true
    }

    // MARK: - Judging

    /// The host id that an answer rightly claims for this host; nil where it is another host's answer.
    func claimedID(_ answer: AgentAnswer, nonce: String) -> String? {
        ownFact(answer, nonce: nonce) == .expected ? answer.own.hostID : nil
    }

    /// Without regard to other hosts.
    private func ownFact(_ answer: AgentAnswer, nonce: String) -> IdentityFact {
        if answer.nonce != nonce { return .replayed }
        if let expectedID, expectedID != answer.own.hostID { return .wrongHost }
        if let firstID, firstID != answer.own.hostID { return .wrongHost }
        return .expected
    }

    /// Why the identity is in conflict.
    ///
    /// - Parameters:
    ///   - given: the id of the last answer; nil where no agent answered.
    func reason(given: String?, boot: String?) -> HostReason {
        switch fact {
        case .wrongHost:
            if let firstID, let firstBoot, let given, !given.isEmpty, firstID != given, let boot, !firstBoot.isEmpty,
                !boot.isEmpty, boot != firstBoot
            {
                return .machineIDChanged(given: given, first: firstID)
            }
            return .wrongHost(
                given: given.flatMap { $0.isEmpty ? nil : $0 }, expected: expectedID ?? firstID,
                isFromInventory: expectedID != nil)
        case .duplicate:
            let id = given ?? ""
            guard let twin else { return .duplicateID(id, other: nil) }
            guard let boot, let theirs = twin.bootID, !boot.isEmpty, !theirs.isEmpty else {
                return .duplicateID(id, other: twin.name)
            }
            return boot == theirs ? .sameHostTwice(id, other: twin.name) : .clonedMachineID(id, other: twin.name)
        case .replayed, .expected, .unknown: return .nonceNotEchoed
        }
    }
}
