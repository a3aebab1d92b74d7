import Shared
import Testing

@testable import Collector
@testable import CollectorFixtures
@testable import Operations

@Suite("What a tag that is read again and again says")
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
        "Field 9: what was intended is moved as soon as it shows, whatever the registry said and showed before",
        arguments: TagReadback.Answer.allCases)
    func moved(answer: TagReadback.Answer) throws {
        #expect(try findings("N", answer) == .moved)
        #expect(try findings("??N", answer) == .moved)
        #expect(try findings("TN", answer) == .moved)
        #expect(try findings("EE-EN", answer) == .moved)
    }

    @Test(
        "Field 9: what it was before says that it did not move only where nothing can be on its way",
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
        "Field 9: a third digest is another writer's once it is steady, and not before",
        arguments: TagReadback.Answer.allCases)
    func third(answer: TagReadback.Answer) throws {
        let third = try LedgerFixtures.digest("c")
        #expect(try findings("TT", answer) == .wait)
        #expect(try findings("TTT", answer) == .contested(third))
        #expect(try findings("TTETTT", answer) == .contested(third))
        // A registry that says one thing after the other says nothing.
        #expect(try findings("TETETET", answer) == .open)
    }

    @Test("Field 9: an earlier promotion, or nothing, may be a copy that lags: it has the whole time")
    func lagging() throws {
        #expect(try findings("EEEEEN", .acknowledged) == .moved)
        #expect(try findings("EEEEEEE", .acknowledged) == .contested(try LedgerFixtures.digest("d")))
        #expect(try findings("-----N", .acknowledged) == .moved)
        #expect(try findings("-------", .acknowledged) == .contested(nil))
    }

    @Test(
        "Field 9: a tag that cannot be read is open, whatever the registry said", arguments: TagReadback.Answer.allCases
    )
    func unreadable(answer: TagReadback.Answer) throws {
        #expect(try findings("?????", answer) == .wait)
        #expect(try findings("???????", answer) == .open)
    }

    /// One look a second; the last standing.
    private func standing(_ looks: String, isFormerKnown: Bool) throws -> TagUncertainty.Standing {
        var doubt = TagUncertainty(
            promoted: try LedgerFixtures.digest("b"), earlier: [try LedgerFixtures.digest("a")],
            isFormerKnown: isFormerKnown, timeout: .seconds(6))
        var last = TagUncertainty.Standing.promoted
        for (second, letter) in looks.enumerated() {
            last = doubt.read(try Self.letters[letter].map(LedgerFixtures.digest), at: .seconds(second))
        }
        return last
    }

    @Test(
        "Field 9: the former build decides nothing until it has been there for the whole time; a third is decided in seconds where the former is known",
        arguments: [true, false])
    func doubts(isFormerKnown: Bool) throws {
        let (former, third) = (try LedgerFixtures.digest("a"), try LedgerFixtures.digest("c"))
        #expect(try standing("N-N", isFormerKnown: isFormerKnown) == .promoted)
        #expect(try standing("FFFFFF", isFormerKnown: isFormerKnown) == .doubted(former))
        #expect(try standing("FFFFFN", isFormerKnown: isFormerKnown) == .promoted)
        // What comes and goes begins again each time.
        #expect(try standing("FFFFNFFFF", isFormerKnown: isFormerKnown) == .doubted(former))
        #expect(try standing("FFFFFFF", isFormerKnown: isFormerKnown) == .moved(former))
        #expect(try standing("TT", isFormerKnown: isFormerKnown) == .doubted(third))
        #expect(try standing("TTT", isFormerKnown: isFormerKnown) == (isFormerKnown ? .moved(third) : .doubted(third)))
        #expect(try standing("TTTTTTT", isFormerKnown: isFormerKnown) == .moved(third))
    }
}
