import Shared
import Testing

@testable import CollectorFixtures
@testable import Operations

@Suite("Readback of a tag")
struct TagReadbackTests {
    private static let letters: [Character: Character] = ["N": "b", "F": "a", "T": "c", "E": "d"]

    /// `N` intended, `F` former, `T` a third, `E` an earlier promotion, `-` nothing, `?` unreadable; one read a second.
    private func findings(
        _ reads: String, _ answer: TagReadback.Answer, former: Character? = "a", timeout: Duration = .seconds(6)
    ) throws -> TagReadback.Finding {
        var readback = TagReadback(
            intended: try LedgerFixtures.digest("b"), former: try former.map(LedgerFixtures.digest),
            earlier: [try LedgerFixtures.digest("d"), try LedgerFixtures.digest("a"), try LedgerFixtures.digest("b")],
            answer: answer, timeout: timeout)
        var last = TagReadback.Finding.wait
        for (second, letter) in reads.enumerated() {
            let reading: TagReadback.Reading =
                letter == "?"
                ? .unreadable : .shows(try Self.letters[letter].map(LedgerFixtures.digest))
            last = readback.read(reading, at: .seconds(second))
            guard last == .wait else { return last }
        }
        return last
    }

    @Test(
        "Field 9: the intended digest settles a change at once, whatever the registry answered before",
        arguments: TagReadback.Answer.allCases)
    func moved(answer: TagReadback.Answer) throws {
        #expect(try findings("N", answer) == .moved)
        #expect(try findings("??N", answer) == .moved)
        #expect(try findings("TN", answer) == .moved)
        #expect(try findings("EE-EN", answer) == .moved)
    }

    @Test(
        "Field 9: the former digest settles a change only if no write can be in flight",
        arguments: [
            (TagReadback.Answer.notAsked, TagReadback.Finding.unmoved), (.refused, .unmoved), (.acknowledged, .wait),
            (.lost, .wait),
        ])
    func former(answer: TagReadback.Answer, first: TagReadback.Finding) throws {
        #expect(try findings("F", answer) == first)
        #expect(try findings("-", answer, former: nil) == first)
        guard first == .wait else { return }
        #expect(try findings("FFFFF", answer) == .wait)
        #expect(try findings("FFFFFFF", answer) == .open)
        #expect(try findings("FFFFFN", answer) == .moved)
    }

    @Test(
        "Field 9: a third digest belongs to another writer only once it is stable",
        arguments: TagReadback.Answer.allCases)
    func third(answer: TagReadback.Answer) throws {
        let third = try LedgerFixtures.digest("c")
        #expect(try findings("TT", answer) == .wait)
        #expect(try findings("TTT", answer) == .contested(third))
        #expect(try findings("TTETTT", answer) == .contested(third))
        // Alternating digests decide nothing.
        #expect(try findings("TETETET", answer) == .open)
    }

    @Test("Field 9: an earlier promotion or a missing tag may be a lagging replica and gets the full timeout")
    func lagging() throws {
        #expect(try findings("EEEEEN", .acknowledged) == .moved)
        #expect(try findings("EEEEEEE", .acknowledged) == .contested(try LedgerFixtures.digest("d")))
        #expect(try findings("-----N", .acknowledged) == .moved)
        #expect(try findings("-------", .acknowledged) == .contested(nil))
    }

    @Test(
        "Field 9: a change of an unreadable tag stays open, whatever the registry answered",
        arguments: TagReadback.Answer.allCases
    )
    func unreadable(answer: TagReadback.Answer) throws {
        #expect(try findings("?????", answer) == .wait)
        #expect(try findings("???????", answer) == .open)
    }

    /// The last state after one read per second.
    private func state(_ reads: String, isFormerKnown: Bool) throws -> TagChangeDetector.State {
        var detector = TagChangeDetector(
            promoted: try LedgerFixtures.digest("b"), earlier: [try LedgerFixtures.digest("a")],
            isFormerKnown: isFormerKnown, timeout: .seconds(6))
        var last = TagChangeDetector.State.promoted
        for (second, letter) in reads.enumerated() {
            last = detector.read(try Self.letters[letter].map(LedgerFixtures.digest), at: .seconds(second))
        }
        return last
    }

    @Test(
        "Field 9: the former build decides nothing before the timeout; a third one is decided in seconds",
        arguments: [true, false])
    func changeDetection(isFormerKnown: Bool) throws {
        let (former, third) = (try LedgerFixtures.digest("a"), try LedgerFixtures.digest("c"))
        #expect(try state("N-N", isFormerKnown: isFormerKnown) == .promoted)
        #expect(try state("FFFFFF", isFormerKnown: isFormerKnown) == .suspected(former))
        #expect(try state("FFFFFN", isFormerKnown: isFormerKnown) == .promoted)
        // A build that comes and goes starts again each time.
        #expect(try state("FFFFNFFFF", isFormerKnown: isFormerKnown) == .suspected(former))
        #expect(try state("FFFFFFF", isFormerKnown: isFormerKnown) == .moved(former))
        #expect(try state("TT", isFormerKnown: isFormerKnown) == .suspected(third))
        #expect(try state("TTT", isFormerKnown: isFormerKnown) == (isFormerKnown ? .moved(third) : .suspected(third)))
        #expect(try state("TTTTTTT", isFormerKnown: isFormerKnown) == .moved(third))
    }
}
