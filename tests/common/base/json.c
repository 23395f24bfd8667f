#include "unit.h"

CU_TestInfo base_json_tests[] = {
	CU_TEST_INFO_NULL,
};
