import Testing

@testable import CollectorFixtures
@testable import Verdict

@Suite("Whether an inventory will do")
struct InventoryCheckTests {
    private static let table: [(Int, Int, Int?, InventoryCheck, Verdict?, Int32)] = [
        (0, 0, nil, InventoryCheck(), Verdict.emptyInventory, 50),
        (3, 3, nil, InventoryCheck(), .emptyInventory, 50),
        (0, 0, nil, InventoryCheck(allowsEmpty: true), .emptyInventory, 0),
        (3, 3, nil, InventoryCheck(allowsEmpty: true), .emptyInventory, 50),
        (0, 0, nil, InventoryCheck(minimumHosts: 2, allowsEmpty: true), .emptyInventory, 50),
        (2, 0, nil, InventoryCheck(minimumHosts: 3), .inventoryShrunk, 50),
        (7, 0, 10, InventoryCheck(), .inventoryShrunk, 50), (8, 0, 10, InventoryCheck(), nil, 0),
        (1, 0, 10, InventoryCheck(maximumShrinkPercent: 90), nil, 0), (1, 0, nil, InventoryCheck(), nil, 0),
    ]

    @Test("One that is empty, or waived, or shrank is refused, unless it may be", arguments: table)
    func whole(count: Int, waived: Int, previous: Int?, check: InventoryCheck, verdict: Verdict?, code: Int32) {
        let hosts = Fleet.hosts(count, waived: waived)
        let refusal = check.refusal(of: hosts, listed: hosts, previous: .init(listed: previous))
        #expect(refusal?.verdict == verdict)
        #expect(refusal?.exitCode == verdict.map { _ in code })
    }

    private func refusal(
        of listed: [ExpectedHost], _ selector: HostSelector, check: InventoryCheck = InventoryCheck(),
        requirements: [Requirement] = [], previous: InventoryCheck.Previous = .init()
    ) -> Conclusion? {
        check.refusal(
            of: listed.filter(selector.selects), listed: listed, selector: selector, requirements: requirements,
            previous: previous)
    }

    @Test(
        "A selection that matches none of the hosts is 50, names what there is, and --allow-empty is not meant for it")
    func noMatch() {
        let fleet = Fleet.hosts(canary: 2, stable: 18)
        for check in [InventoryCheck(), InventoryCheck(allowsEmpty: true)] {
            let value = refusal(of: fleet, HostSelector(typed: "group=canry"), check: check)
            #expect(value?.verdict == .emptyInventory)
            #expect(value?.exitCode == 50)
            #expect(
                value?.reasons.map(\.message) == [
                    "--select group=canry matches none of 20 hosts: group is stable (18), canary (2)"
                ])
            let key = refusal(of: fleet, HostSelector(typed: "groop=canary"), check: check)
            #expect(key?.exitCode == 50)
            #expect(
                key?.reasons.first?.message == "--select groop=canary matches none of 20 hosts: the labels are group")
        }
        #expect(
            refusal(of: Fleet.hosts(2), HostSelector(typed: "a=b"))?.reasons.first?.message
                == "--select a=b matches none of 2 hosts: no host has labels")
    }

    @Test("A value that no host has is refused beside one that hosts have: a slip must not leave out a region unseen")
    func oneSlip() {
        let fleet = Fleet.hosts([["region": "eu"], ["region": "us"]])
        #expect(refusal(of: fleet, HostSelector(typed: "region=eu", "region=us")) == nil)
        let slip = refusal(of: fleet, HostSelector(typed: "region=eu", "region=uss"))
        #expect(slip?.exitCode == 50)
        #expect(slip?.reasons.first?.message.hasPrefix("--select region=uss matches none") == true)
    }

    @Test("Labels that occur, but on no host together, are 50")
    func noneTogether() {
        let fleet = Fleet.hosts([["region": "eu", "group": "canary"], ["region": "us", "group": "stable"]])
        let found = refusal(of: fleet, HostSelector(typed: "region=eu", "group=stable"))
        #expect(found?.exitCode == 50)
        #expect(
            found?.reasons.first?.message
                == "--select group=stable, region=eu together match none of 2 hosts: "
                + "group is canary (1), stable (1); region is eu (1), us (1)")
    }

    @Test("An inventory without a host is empty, whatever is selected of it")
    func nothingToSelect() {
        let selector = HostSelector(typed: "group=canary")
        #expect(refusal(of: [], selector)?.exitCode == 50)
        #expect(refusal(of: [], selector, check: InventoryCheck(allowsEmpty: true))?.exitCode == 0)
    }

    @Test("A part is compared with the same part, and the whole with the whole")
    func shrunkPart() {
        let fleet = Fleet.hosts(canary: 4, stable: 16)
        let canary = HostSelector(typed: "group=canary")
        #expect(refusal(of: fleet, canary, previous: .init(listed: 20, selected: 4)) == nil)
        #expect(
            refusal(of: fleet, canary, previous: .init(listed: 20)) == nil,
            "a selection is not compared with the whole fleet")
        let part = refusal(of: fleet, canary, previous: .init(listed: 20, selected: 6))
        #expect(part?.verdict == .inventoryShrunk)
        #expect(part?.reasons.first?.message.hasPrefix("the selection group=canary shrank from 6 hosts to 4") == true)
        let whole = refusal(of: fleet, canary, previous: .init(listed: 30, selected: 4))
        #expect(whole?.reasons.first?.message.hasPrefix("the inventory shrank from 30 hosts to 20") == true)
        let few = refusal(of: fleet, canary, check: InventoryCheck(minimumHosts: 5))
        #expect(
            few?.reasons.first?.message == "the selection group=canary holds 4 hosts, --min-hosts asks for 5")
    }

    @Test("What is required must be expected: none of a label is empty, too few of it shrunk, both 50")
    func required() {
        let all = Requirement(group: .canary, share: .percent(100))
        var fleet = Fleet.hosts(canary: 2, stable: 3)
        #expect(refusal(of: fleet, .everything, requirements: [all]) == nil)
        #expect(refusal(of: fleet, .everything, requirements: [.init(group: .canary, share: .hosts(2))]) == nil)

        let many = refusal(of: fleet, .everything, requirements: [.init(group: .canary, share: .hosts(3))])
        #expect(many?.verdict == .inventoryShrunk)
        #expect(many?.exitCode == 50)
        #expect(
            many?.reasons.first?.message
                == "--require group=canary:3 asks for 3 proven, and 2 hosts with group=canary expected")

        fleet[0].waiver = .active
        #expect(refusal(of: fleet, .everything, requirements: [all]) == nil, "waived hosts are not counted")
        #expect(
            refusal(of: fleet, .everything, requirements: [.init(group: .canary, share: .hosts(2))])?.exitCode == 50)
        fleet[1].waiver = .active
        let waived = refusal(of: fleet, .everything, requirements: [all])
        #expect(waived?.verdict == .emptyInventory)
        #expect(waived?.reasons.first?.message.hasSuffix("no expected host has group=canary (2 hosts waived)") == true)

        let unknown = refusal(
            of: fleet, .everything, requirements: [.init(group: HostGroup(key: "group", value: "x"), share: .hosts(1))])
        #expect(unknown?.exitCode == 50)
        #expect(unknown?.reasons.first?.message.hasSuffix("group is stable (3), canary (2)") == true)
        let leftOut = refusal(of: fleet, HostSelector(typed: "group=stable"), requirements: [all])
        #expect(leftOut?.exitCode == 50, "a selection without the canary proves nothing of it")
        let empty = refusal(of: [], .everything, check: InventoryCheck(allowsEmpty: true), requirements: [all])
        #expect(empty?.exitCode == 50, "a requirement is stronger than --allow-empty")
    }
}
