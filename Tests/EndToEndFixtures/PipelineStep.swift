import Support

/// A step of a pipeline, with the files that the runner provides.
struct PipelineStep {
    let folder: TemporaryFolder
    var environment: [String: String]

    init() throws {
        folder = try TemporaryFolder()
        environment = [
            "GITHUB_ACTIONS": "true", "HOME": folder.path, "GITHUB_OUTPUT": try folder.write("output", ""),
            "GITHUB_STEP_SUMMARY": try folder.write("summary", ""),
        ]
    }

    func outputs() throws -> [String: String] { try WorkflowRunner.outputs(try folder.read("output")) }

    func run(
        _ arguments: [String], within limit: Duration = .seconds(120)
    ) async throws -> RunningProgram.Outcome {
        try await Program.collector().run(arguments, environment: environment, within: limit)
    }
}
