import Foundation
import Testing

@testable import CollectorFixtures
@testable import Inventory

@Suite("Reloading an inventory")
struct InventoryReloaderTests {
    @Test("Removed hosts are reported, flags stay, and an unchanged file is not read")
    func changes() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = try folder.write("a\nb\n", to: "fleet")
        var watch = try InventoryFixtures.load(sources: [.file(path: path)], hosts: ["c"], now: InventoryFixtures.now)
            .watch
        #expect(try await watch.listedNames() == nil)
        _ = try folder.write("b\n", to: "fleet")
        #expect(try await watch.listedNames() == ["b", "c"])
        #expect(try await watch.listedNames() == nil)
    }

    @Test("A source that becomes unreadable removes no hosts")
    func unreadable() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = try folder.write("a\n", to: "fleet")
        var watch = try InventoryFixtures.load(sources: [.file(path: path)], now: InventoryFixtures.now).watch
        folder.remove()
        await #expect(throws: InventoryError.self) { try await watch.listedNames() }
        await #expect(throws: InventoryError.self) { try await watch.listedNames() }
    }
}
