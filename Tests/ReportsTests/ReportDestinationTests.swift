import Foundation
import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Reports

struct ReportDestinationTests {
    @Test("A report replaces the old file, and leaves nothing beside it")
    func replaces() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("report.json", "old")
        let destination = try ReportDestination(opening: "json=\(path)")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
        try destination.write(SampleFleet.report())
        #expect(try String(contentsOfFile: path, encoding: .utf8).contains("\"schema\" : 2"))
        #expect(try folder.names() == ["report.json"])
    }

    @Test("A destination that is only opened leaves the old file and nothing else")
    func opensOnly() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("report.json", "old")
        _ = try ReportDestination(opening: "json=\(path)")
        #expect(try folder.names() == ["report.json"])
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
    }

    @Test("A device is written to directly")
    func device() throws {
        try ReportDestination(opening: "text=/dev/null").write(SampleFleet.report())
        #expect(throws: ReportDestinationError.self) {
            try ReportDestination(opening: "text=/dev/full").write(SampleFleet.report())
        }
    }

    @Test(
        "An invalid destination is a usage error that names the remedy",
        arguments: [
            ("json", "FORMAT=PATH"), ("=x", "FORMAT=PATH"), ("json=", "FORMAT=PATH"), ("xml=x", "use json or text"),
            ("json=/", "is a directory"), ("json=/nowhere/report.json", "No such file or directory"),
        ])
    func mistakes(_ argument: String, _ part: String) throws {
        let error = #expect(throws: ReportDestinationError.self) { try ReportDestination(opening: argument) }
        #expect(error?.exitCode == 64)
        #expect(error?.description.contains(part) == true)
    }
}
