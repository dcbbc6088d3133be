# A cluster lives as long as its backfill: the state machine makes it and ends it, and it ends itself where nobody does.
locals {
  is_cluster = var.engine == "cluster"
  packages   = coalesce(var.cluster_packages_url, "s3://none/none")

  cluster_spark = {
    for name in keys(var.pipelines) : name => merge(
      { for key, value in local.settings[name] : "spark.yarn.appMasterEnv.${key}" => value },
      {
        "spark.yarn.appMasterEnv.PYSPARK_PYTHON" = "./headrace/bin/python"
        "spark.executorEnv.PYSPARK_PYTHON"       = "./headrace/bin/python"
        "spark.archives"                         = "${local.packages}/environment.tar.gz#headrace"
        "spark.submit.deployMode"                = "cluster"
      },
      local.spark,
    )
  }

  ending = {
    Type       = "Task"
    Resource   = "arn:${module.names.partition}:states:::elasticmapreduce:terminateCluster.sync"
    Parameters = { "ClusterId.$" = "$.cluster.ClusterId" }
    ResultPath = null
    Retry      = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 30, MaxAttempts = 5, BackoffRate = 2 }]
  }

  on_cluster = {
    first = "MakeCluster"
    states = {
      for name in keys(var.pipelines) : name => {
        MakeCluster = {
          Type     = "Task"
          Resource = "arn:${module.names.partition}:states:::elasticmapreduce:createCluster.sync"
          Parameters = {
            Name                  = local.backfills[name]
            ReleaseLabel          = local.release
            Applications          = [{ Name = "Spark" }]
            ServiceRole           = one(aws_iam_role.emr[*].arn)
            JobFlowRole           = one(aws_iam_instance_profile.spark[*].name)
            SecurityConfiguration = one(aws_emr_security_configuration.this[*].name)
            LogUri                = "s3://${var.bucket_names.logs}/emr/"
            AutoTerminationPolicy = { IdleTimeout = 3600 }
            VisibleToAllUsers     = true
            Tags                  = [{ Key = "for-use-with-amazon-emr-managed-policies", Value = "true" }]
            Instances = {
              KeepJobFlowAliveWhenNoSteps    = true
              TerminationProtected           = false
              Ec2SubnetIds                   = var.subnet_ids
              EmrManagedMasterSecurityGroup  = one(aws_security_group.nodes[*].id)
              EmrManagedSlaveSecurityGroup   = one(aws_security_group.nodes[*].id)
              ServiceAccessSecurityGroup     = one(aws_security_group.service_access[*].id)
              AdditionalMasterSecurityGroups = [var.security_group_id]
              AdditionalSlaveSecurityGroups  = [var.security_group_id]
              InstanceFleets = [
                {
                  Name                   = "primary"
                  InstanceFleetType      = "MASTER"
                  TargetOnDemandCapacity = 1
                  InstanceTypeConfigs    = [{ InstanceType = "m6i.xlarge" }]
                },
                {
                  Name                   = "core"
                  InstanceFleetType      = "CORE"
                  TargetOnDemandCapacity = 4
                  InstanceTypeConfigs    = [{ InstanceType = "r6i.xlarge" }]
                },
              ]
            }
          }
          ResultSelector = { "ClusterId.$" = "$.ClusterId" }
          ResultPath     = "$.cluster"
          TimeoutSeconds = 3600
          Catch          = [{ ErrorEquals = ["States.ALL"], ResultPath = "$.failure", Next = "Tell" }]
          Next           = "Stage"
        }
        Stage = {
          Type     = "Task"
          Resource = "arn:${module.names.partition}:states:::elasticmapreduce:addStep.sync"
          Parameters = {
            "ClusterId.$" = "$.cluster.ClusterId"
            Step = {
              Name            = "backfill"
              ActionOnFailure = "CONTINUE"
              HadoopJarStep = {
                Jar = "command-runner.jar"
                "Args.$" = format("States.Array(%s, %s)", join(", ", [
                  for word in concat(["spark-submit"], flatten([for key, value in local.cluster_spark[name] : ["--conf", "${key}=${value}"]]), ["${local.packages}/job.py"]) : "'${word}'"
                ]), local.arguments[name])
              }
            }
          }
          ResultPath     = null
          TimeoutSeconds = 86400
          Retry          = [{ ErrorEquals = ["States.TaskFailed"], IntervalSeconds = 300, MaxAttempts = 1, BackoffRate = 1 }]
          Catch          = [{ ErrorEquals = ["States.ALL"], ResultPath = "$.failure", Next = "EndClusterOfFailure" }]
          Next           = "EndCluster"
        }
        EndCluster = merge(local.ending, {
          Catch = [{ ErrorEquals = ["States.ALL"], ResultPath = "$.failure", Next = "Tell" }]
          Next  = "Done"
        })
        EndClusterOfFailure = merge(local.ending, {
          Catch = [{ ErrorEquals = ["States.ALL"], ResultPath = "$.ending", Next = "Tell" }]
          Next  = "Tell"
        })
      }
    }
  }
}

resource "aws_emr_security_configuration" "this" {
  count = local.is_cluster ? 1 : 0

  name = module.names.of.spark
  configuration = jsonencode({
    EncryptionConfiguration = {
      EnableAtRestEncryption    = true
      EnableInTransitEncryption = true
      AtRestEncryptionConfiguration = {
        S3EncryptionConfiguration = { EncryptionMode = "SSE-KMS", AwsKmsKey = var.key_arns.curated }
        LocalDiskEncryptionConfiguration = {
          EncryptionKeyProviderType = "AwsKms"
          AwsKmsKey                 = var.key_arns.operations
          EnableEbsEncryption       = true
        }
      }
      InTransitEncryptionConfiguration = {
        TLSCertificateConfiguration = { CertificateProviderType = "PEM", S3Object = "${local.packages}/certificates.zip" }
      }
    }
    InstanceMetadataServiceConfiguration = { MinimumInstanceMetadataServiceVersion = 2, HttpPutResponseHopLimit = 1 }
  })
}

# EMR itself writes the rules by which nodes reach each other and its service reaches them.
resource "aws_security_group" "nodes" {
  count = local.is_cluster ? 1 : 0

  name                   = "${module.names.of.spark}-nodes"
  description            = "Nodes of the cluster of a backfill; EMR writes the rules."
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
  tags                   = { for-use-with-amazon-emr-managed-policies = "true" }
}

resource "aws_security_group" "service_access" {
  count = local.is_cluster ? 1 : 0

  name                   = "${module.names.of.spark}-service-access"
  description            = "From EMR to the nodes of the cluster of a backfill; EMR writes the rules."
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
  tags                   = { for-use-with-amazon-emr-managed-policies = "true" }
}
