import Shared
import Testing

@testable import AgentCore

/// The tool that created a container, from its labels.
@Suite struct DeploymentTests {
    typealias Deployment = Instance.Deployment

    struct Row: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var labels: [String: String]
        var containerName: String
        var deployment: Deployment

        init(
            _ description: String, _ labels: [String: String], containerName: String = "canvas-1",
            _ tool: Deployment.Tool, group: String? = nil, name: String? = nil, directory: String? = nil,
            files: [String] = []
        ) {
            testDescription = description
            self.labels = labels
            self.containerName = containerName
            deployment = Deployment(tool: tool, group: group, name: name, directory: directory, files: files)
        }
    }

    private static let compose = ["com.docker.compose.project": "shop", "com.docker.compose.service": "canvas"]

    private static func compose(_ directory: String?, _ files: String?) -> [String: String] {
        var labels = compose
        labels["com.docker.compose.project.working_dir"] = directory
        labels["com.docker.compose.project.config_files"] = files
        return labels
    }

    private static func row(
        _ description: String, _ directory: String?, _ files: String?, _ shown: String?, _ shownFiles: [String] = []
    ) -> Row {
        Row(
            description, compose(directory, files), .compose, group: "shop", name: "canvas", directory: shown,
            files: shownFiles)
    }

    @Test(
        "Each tool is recognised by its labels",
        arguments: [
            Row("no labels", [:], .direct),
            Row("an image's labels", ["org.opencontainers.image.revision": Samples.sha], .direct),
            Row("Compose", compose, .compose, group: "shop", name: "canvas"),
            Row(
                "podman-compose, which names a unit, too",
                [
                    "io.podman.compose.project": "shop", "io.podman.compose.service": "canvas",
                    "PODMAN_SYSTEMD_UNIT": "podman-compose@shop.service",
                ], .compose, group: "shop", name: "canvas"),
            Row(
                "a Swarm stack",
                [
                    "com.docker.stack.namespace": "shop", "com.docker.swarm.service.name": "shop_canvas",
                    "com.docker.swarm.task.name": "shop_canvas.1.t1",
                ], .swarm, group: "shop", name: "shop_canvas"),
            Row(
                "a Swarm service without a stack", ["com.docker.swarm.service.name": "canvas"], .swarm,
                name: "canvas"),
            Row(
                "Kamal", ["service": "canvas", "role": "web", "destination": "production"], .kamal,
                group: "production", name: "canvas"),
            Row("Kamal without a destination", ["service": "canvas", "role": "web"], .kamal, name: "canvas"),
            Row("a label that could be Kamal's", ["service": "canvas"], .direct),
            Row(
                "Nomad with all labels",
                [
                    "com.hashicorp.nomad.alloc_id": "a1", "com.hashicorp.nomad.job_name": "shop",
                    "com.hashicorp.nomad.task_group_name": "web", "com.hashicorp.nomad.task_name": "canvas",
                ], .nomad, group: "shop", name: "canvas"),
            Row(
                "Nomad with its only default label", ["com.hashicorp.nomad.alloc_id": "a1"],
                containerName: "canvas-a1", .nomad, name: "canvas"),
            Row(
                "Nomad with another container name", ["com.hashicorp.nomad.alloc_id": "a1"], containerName: "x",
                .nomad),
            Row(
                "Kubernetes",
                ["io.kubernetes.container.name": "canvas", "io.kubernetes.pod.namespace": "shop"],
                .kubernetes, group: "shop", name: "canvas"),
            Row(
                "Quadlet, and units of podman generate systemd",
                ["PODMAN_SYSTEMD_UNIT": "canvas.service", "io.containers.autoupdate": "registry"], .systemd,
                name: "canvas.service"),
            Row(
                "Amazon ECS",
                [
                    "com.amazonaws.ecs.task-definition-family": "shop",
                    "com.amazonaws.ecs.container-name": "canvas",
                ], .other, group: "shop", name: "canvas"),
            Row("Dokku", ["com.dokku.app-name": "canvas"], .other, name: "canvas"),
            Row("empty labels", ["com.docker.compose.service": "", "PODMAN_SYSTEMD_UNIT": " "], .direct),
        ])
    func tools(row: Row) {
        #expect(Deployment(labels: row.labels, containerName: row.containerName) == row.deployment)
    }

    @Test(
        "Compose files are named only if Compose does not find them in the folder by itself",
        arguments: [
            row("no labels", nil, nil, nil),
            row("v2", "/srv/shop", "/srv/shop/compose.yaml", "/srv/shop"),
            row("v1", "/srv/shop", "docker-compose.yml", "/srv/shop"),
            row("podman-compose", "/srv/shop", "./docker-compose.yaml", "/srv/shop"),
            row(
                "with an override", "/srv/shop", "/srv/shop/docker-compose.yml,/srv/shop/docker-compose.override.yml",
                "/srv/shop"),
            row("in the root folder", "/", "/compose.yml", "/"),
            row("in the root folder, with v1", "/", "compose.yml", "/"),
            row("another name", "/srv/shop", "prod.yml", "/srv/shop", ["/srv/shop/prod.yml"]),
            row("in another folder", "/srv", "/srv/shop/compose.yaml", "/srv", ["/srv/shop/compose.yaml"]),
            row("v1, found from a folder below", "/srv/shop", "../compose.yml,../compose.override.yml", "/srv/shop"),
            row("v1, two folders below", "/srv/shop", "../../prod.yml", "/srv/shop", ["/srv/shop/prod.yml"]),
            row("v1, named from the folder above", "/srv/shop", "shop/compose.yaml", "/srv/shop"),
            row(
                "v1, named from the folder above, with another", "/srv/shop", "shop/compose.yaml,env/prod.yaml",
                "/srv/shop", ["/srv/shop/compose.yaml", "/srv/env/prod.yaml"]),
            row(
                "v1, with a file of a folder below", "/srv/shop", "compose.yaml,env/prod.yaml", "/srv/shop",
                ["/srv/shop/compose.yaml", "/srv/shop/env/prod.yaml"]),
            row(
                "two files", "/srv/shop", "/srv/shop/compose.yaml,/srv/shop/compose.prod.yaml", "/srv/shop",
                ["/srv/shop/compose.yaml", "/srv/shop/compose.prod.yaml"]),
            row(
                "an override alone", "/srv/shop", "compose.override.yaml", "/srv/shop",
                ["/srv/shop/compose.override.yaml"]),
            row("a file without a folder", nil, "/srv/shop/prod.yml", nil, ["/srv/shop/prod.yml"]),
        ])
    func composeFiles(row: Row) {
        #expect(Deployment(labels: row.labels, containerName: "") == row.deployment)
    }

    @Test(
        "Without an exact path for each file, neither the folder nor the files are named",
        arguments: [
            ("/srv/shop", nil), ("/srv/shop", "-"), ("/srv/shop", ","), ("/srv/shop", "/srv/shop/compose.yaml,-"),
            (nil, "compose.yaml"),
            ("srv/shop", "compose.yaml"), ("C:\\shop", "C:\\shop\\compose.yaml"), ("/srv/a,b", "/srv/a,b/compose.yaml"),
            // v1 with --project-directory, started elsewhere
            ("/srv", "shop/compose.yaml"), ("/srv/shop", "../compose.yaml,env/prod.yaml"),
            ("/srv/myshop", "shop/compose.yaml"), ("/srv/shop\n", "compose.yaml"),
            ("/srv/\u{202E}pohs", "compose.yaml"), ("/srv/a  b", "compose.yaml"),
            ("/srv/shop", "compose.yaml,a\u{1B}[2J.yaml"), ("/" + String(repeating: "a", count: 512), nil),
            ("/srv/shop", (1...9).map { "\($0).yaml" }.joined(separator: ",")),
            ("/srv/shop", String(repeating: "a", count: 600)), ("~/shop", nil), ("", ""),
        ] as [(String?, String?)])
    func unusablePaths(directory: String?, files: String?) {
        let deployment = Deployment(labels: Self.compose(directory, files), containerName: "")
        #expect(deployment == Deployment(tool: .compose, group: "shop", name: "canvas"))
    }

    @Test("Names become one clean line of at most 255 characters")
    func names() {
        let labels = [
            "com.docker.compose.service": "a\n::error::b\u{1B}[2J",
            "com.docker.compose.project": String(repeating: "é", count: 999),
        ]
        let deployment = Deployment(labels: labels, containerName: "")
        #expect(deployment.name == "a ::error::b\\u{1b}[2J")
        #expect(deployment.group?.unicodeScalars.count == 255)
    }
}
