import Foundation
import Glibc
import Support
import Testing

@testable import Inventory
@testable import Verdict

/// The inventories that are test data, and ways to load others.
enum InventoryFixtures {
    /// 2026-11-23T12:00:00Z.
    static let now = Date(timeIntervalSince1970: 1_795_435_200)

    static func folder(_ kind: String) throws -> String {
        try SourceTree.path("Tests/InventoryTests/Inventories/\(kind)")
    }

    static func load(_ file: String, _ kind: String, service: String? = nil) throws -> Inventory {
        try load(sources: [.file(path: "\(folder(kind))/\(file)")], service: service, now: now)
    }

    /// Loads sources; the service is `canvas` if nothing names one.
    static func load(
        sources: [InventorySource], hosts: [String] = [], service: String? = nil,
        selector: HostSelector = .everything, now: Date
    ) throws -> Inventory {
        func load(_ service: String?) throws(InventoryError) -> Inventory {
            try Inventory.load(sources: sources, hosts: hosts, service: service, selector: selector, now: now)
        }
        do throws(InventoryError) {
            return try load(service)
        } catch .noService {
            return try load("canvas")
        }
    }

    /// Loads texts as files of a folder of their own, named `0.txt`, `1.txt`, …
    static func load(texts: [String], hosts: [String] = [], service: String? = nil) throws -> Inventory {
        let folder = try TestFolder()
        defer { folder.remove() }
        let sources = try texts.enumerated().map { number, text in
            InventorySource.file(path: try folder.write(text, to: "\(number).txt"))
        }
        return try load(sources: sources, hosts: hosts, service: service, now: now)
    }

    /// The message with which loading fails, without the folder's path; nil where it does not.
    static func failure(_ body: () throws -> Inventory, in folder: String? = nil) -> String? {
        do {
            _ = try body()
            return nil
        } catch {
            return folder.map { "\(error)".replacingOccurrences(of: "\($0)/", with: "") } ?? "\(error)"
        }
    }
}

/// A folder that a test owns.
struct TestFolder {
    let path: String

    init() throws {
        var template = Array("\(NSTemporaryDirectory())/collector-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func write(_ text: String, to name: String) throws -> String {
        let file = "\(path)/\(name)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        return file
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }
}
