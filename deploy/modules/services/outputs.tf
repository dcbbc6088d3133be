output "cluster_arn" {
  description = "Where dbt's and batch's tasks run too."
  value       = aws_ecs_cluster.this.arn
}

output "cluster_name" {
  description = "The same."
  value       = aws_ecs_cluster.this.name
}

output "service_names" {
  description = "Pipeline to worker, windows and loader to the ECS service."
  value = {
    for pipeline in keys(var.pipelines) : pipeline => {
      for each in values(local.tasks) : each.service => each.name if each.pipeline == pipeline
    }
  }
}

output "task_definition_arns" {
  description = "The same to the task definition."
  value = {
    for pipeline in keys(var.pipelines) : pipeline => {
      for key, each in local.tasks : each.service => module.task[key].task_definition_arn if each.pipeline == pipeline
    }
  }
}
