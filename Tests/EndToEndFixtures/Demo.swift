import Support
import Testing

/// The demo's script under test.
enum Demo {
    static func start(
        in scratch: TemporaryFolder, programs: String? = nil, environment: [String: String] = [:]
    ) throws -> RunningProgram {
        let arguments = [try SourceTree.path("scripts/demo.sh"), try programs ?? Program.productsFolder()]
        let own = ["TMPDIR": scratch.path, "HOME": scratch.path]
        let bash = try Program.installed("bash", remedy: "apt-get install bash")
        return try bash.start(arguments, environment: own.merging(environment) { $1 })
    }

    /// The ids of the processes whose command line contains a path. All of the demo's contain its temporary folder.
    static func processes(naming path: String) -> [Int32] {
        ProcessTable.all().filter { $0.commandLine.contains(path) }.map(\.id)
    }

    static func expectNothingLeft(in scratch: TemporaryFolder) throws {
        #expect(processes(naming: scratch.path).isEmpty, "processes are left")
        #expect(try scratch.names().isEmpty, "files are left")
    }
}
