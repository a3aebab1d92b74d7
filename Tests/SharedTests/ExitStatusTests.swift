import Foundation
import Shared
import Testing

@Suite("Exit statuses")
struct ExitStatusTests {
    /// The numbers in the first column of the table below a heading.
    private func codes(below heading: String, in path: String) throws -> Set<Int32> {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        let text = try String(contentsOf: root.appending(path: path), encoding: .utf8)
        let section = try #require(text.components(separatedBy: "\n\(heading)\n").dropFirst().first)
        let rows = section.components(separatedBy: "\n#")[0].split(separator: "\n").filter { $0.hasPrefix("|") }
        return Set(
            rows.flatMap { row in
                row.split(separator: "|")[0].split(separator: ",").compactMap {
                    Int32($0.trimmingCharacters(in: .whitespaces))
                }
            })
    }

    @Test("The README lists every exit status, and no other code")
    func readme() throws {
        #expect(try codes(below: "## Exit codes", in: "README.md") == Set(Shared.ExitStatus.allCases.map(\.rawValue)))
    }

    @Test("The agent's page lists statuses of the agent alone")
    func agent() throws {
        let agent: [Shared.ExitStatus] = [.success, .failure, .usage, .unavailable]
        #expect(try codes(below: "## Exit codes", in: "docs/agent.md") == Set(agent.map(\.rawValue)))
    }
}
